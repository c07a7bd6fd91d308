import { Ban, RotateCcw, UserMinus, UserRoundCog } from "lucide-react";
import type { Member } from "@/domain/engine";
import { grantableRoles, levelOfRole, mayActOn, roleOf, type RoomPowers } from "@/domain/room_powers";
import type { MenuEntry } from "../common/Menu";

interface Asked {
  readonly member: Member;
  /** It takes a second thought. */
  readonly confirms: boolean;
}
export type AskedDeed = (Asked & { readonly deed: "remove" | "ban" | "unban" }) | (Asked & { readonly deed: "level"; readonly level: number });

/** What we may do with a member; empty where that is nothing. */
export function buildMemberMenu(member: Member, powers: RoomPowers, ownUserId: string, t: (key: string) => string, act: (deed: AskedDeed) => void): readonly MenuEntry[] {
  const { userId, membership } = member;
  const entries: MenuEntry[] = [];
  const isMe = userId === ownUserId;
  if (membership === "join") {
    const role = roleOf(member.powerLevel, powers.usersDefault);
    for (const each of grantableRoles(powers, userId, ownUserId)) {
      if (each === role) continue;
      const level = levelOfRole(each, powers);
      // Somebody of our own height cannot be brought down again by us, and we cannot raise ourselves again.
      const confirms = isMe || level >= powers.own;
      entries.push({ key: each, label: t(`info.make_${each}`), icon: UserRoundCog, onSelect: () => act({ member, deed: "level", level, confirms }) });
    }
  }
  if (isMe) return entries;
  if (membership !== "ban" && membership !== "leave" && mayActOn(powers, "remove", userId)) entries.push({ key: "remove", label: membership === "invite" ? t("info.withdraw") : t("info.remove"), icon: UserMinus, danger: true, onSelect: () => act({ member, deed: "remove", confirms: membership === "join" }) });
  if (membership !== "ban" && mayActOn(powers, "ban", userId)) entries.push({ key: "ban", label: t("info.ban"), icon: Ban, danger: true, onSelect: () => act({ member, deed: "ban", confirms: true }) });
  if (membership === "ban" && mayActOn(powers, "ban", userId)) entries.push({ key: "unban", label: t("info.unban"), icon: RotateCcw, onSelect: () => act({ member, deed: "unban", confirms: false }) });
  return entries;
}
