import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Engine } from "@/domain/engine";
import type { MatrixTarget } from "@/domain/invite_link";
import { useReadable } from "@/views/use_readable";
import { useEngine } from "./engine_context";
import { navigate, useRoute } from "./navigation";

const PersonDialog = lazy(async () => ({ default: (await import("@/views/people/PersonDialog")).PersonDialog }));
const MyCodeDialog = lazy(async () => ({ default: (await import("@/views/people/MyCode")).MyCodeDialog }));
const InviteDialog = lazy(async () => ({ default: (await import("@/views/invite/InviteDialog")).InviteDialog }));

/** A chat that was made a moment ago is in the address before it is in the list. */
const NEW_CHAT_MS_MAX = 3_000;

function openChat(room: string): void {
  navigate({ page: "target", target: { kind: "room", room, via: [] } }, true);
}

function goHome(): void {
  navigate({ page: "home" }, true);
}

function findChat(engine: Engine, target: MatrixTarget | null): string | undefined {
  if (target?.kind === "user") return engine.people.directChat(target.userId);
  if (target === null) return undefined;
  return engine.chats.get().find(({ roomId, membership }) => roomId === target.room && membership !== "leave")?.roomId;
}

/** Whether the address has led nowhere for a while. */
function useIsLost(key: string, isFound: boolean): boolean {
  const [lost, setLost] = useState<string>();
  useEffect(() => {
    if (isFound) return undefined;
    const timer = setTimeout(() => setLost(key), NEW_CHAT_MS_MAX);
    return () => clearTimeout(timer);
  }, [key, isFound]);
  return lost === key && !isFound;
}

/** Somebody who came by this link and has no chat at all came to write: no need to ask. */
function useFirstChat(engine: Engine, userId: string | null): void {
  const chats = useReadable(engine.chats);
  const connection = useReadable(engine.connection);
  const isFirst = userId !== null && userId !== engine.userId && chats.length === 0 && connection.state === "online";
  useEffect(() => {
    if (isFirst && userId !== null) void engine.startDirectChat(userId).then(openChat, () => undefined);
  }, [engine, isFirst, userId]);
}

/** The chat that the address names, if we are in it. But for somebody's first chat nothing is made or joined by an address alone: that takes a click. */
export function useOpenRoom(): string | null {
  const engine = useEngine();
  const route = useRoute();
  useReadable(engine.chats);
  const target = route.page === "target" ? route.target : null;
  const found = findChat(engine, target);
  const goesOn = target !== null && target.kind !== "room" && found !== undefined;
  useEffect(() => { if (goesOn && found !== undefined) openChat(found); }, [goesOn, found]);
  useFirstChat(engine, target?.kind === "user" ? target.userId : null);
  return target?.kind === "room" && target.room.startsWith("!") ? target.room : null;
}

/** Asks before it follows an address that leads to somebody, or to a room that we are not in. */
export function LinkTargets() {
  const { t } = useTranslation();
  const engine = useEngine();
  const route = useRoute();
  useReadable(engine.chats);
  const target = route.page === "target" ? route.target : null;
  const found = findChat(engine, target);
  const key = target === null ? "" : target.kind === "user" ? target.userId : target.room;
  const isLost = useIsLost(key, target?.kind !== "room" || found !== undefined || key.startsWith("#"));
  if (target === null || found !== undefined) return null;
  if (target.kind === "user") {
    return <Suspense>{target.userId === engine.userId ? <MyCodeDialog onClose={goHome} /> : <PersonDialog userId={target.userId} onClose={goHome} onOpenChat={openChat} />}</Suspense>;
  }
  if (target.kind === "room" && target.room.startsWith("!") && !isLost) return null;
  return <Suspense fallback={<span className="only-heard">{t("invite.looking")}</span>}><InviteDialog key={key} target={target} onClose={goHome} onJoined={openChat} /></Suspense>;
}
