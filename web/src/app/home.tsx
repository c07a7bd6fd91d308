import { lazy, Suspense, useCallback, useEffect } from "react";
import { EyeOff, LockKeyhole, LogOut, UserPlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { parseScanned } from "@/domain/invite_link";
import type { MenuEntry } from "@/views/common/Menu";
import { showToast, useShowProblem } from "@/views/common/Toasts";
import { Waiting } from "@/views/common/Waiting";
import { Messenger } from "@/views/layout/Messenger";
import { HiddenChat } from "@/views/settings/LockScreen";
import { Notifier } from "@/views/settings/Notifier";
import { useReadable } from "@/views/use_readable";
import { useApp } from "./app_context";
import { appLock } from "./app_lock";
import { EngineContext, useEngine } from "./engine_context";
import { navigate, useRoute } from "./navigation";
import { RoomInfo } from "./room_info";
import { useVisibleEngine, type VisibleEngine } from "./visible_engine";
import css from "./home.module.css";

const Settings = lazy(async () => ({ default: (await import("@/views/settings/Settings")).Settings }));

/** Other accounts of this device, one more, and the way out. */
function useAccountEntries(): readonly MenuEntry[] {
  const { t } = useTranslation();
  const { model } = useApp();
  const showProblem = useShowProblem();
  const accounts = useReadable(model.accounts);
  const active = useReadable(model.active);
  const lock = useReadable(appLock.state);
  const isRevealed = useReadable(appLock.revealed);
  const others = accounts.filter((each) => each.userId !== active?.userId);
  return [
    ...others.map((each) => ({ key: each.userId, label: each.userId, onSelect: () => void model.switchTo(each.userId).catch(showProblem) })),
    { key: "add", label: t("shell.addAccount"), icon: UserPlus, onSelect: () => navigate({ page: "login", token: "", userId: "" }) },
    ...(isRevealed ? [{ key: "hide", label: t("settings.private_hide"), icon: EyeOff, onSelect: () => appLock.hide() }] : []),
    ...(lock.isSet ? [{ key: "lock", label: t("settings.lock_now"), icon: LockKeyhole, onSelect: () => appLock.lock() }] : []),
    { key: "log-out", label: t("shell.logOut"), icon: LogOut, danger: true, onSelect: () => void (active && model.remove(active.userId).catch(showProblem)) },
  ];
}

/** Does what the address asks for: a person's chat is made, an invitation accepted. Both end in the address of a chat. */
function useTarget(): string | null {
  const { t } = useTranslation();
  const engine = useEngine();
  const route = useRoute();
  const showProblem = useShowProblem();
  const target = route.page === "target" ? route.target : null;
  useEffect(() => {
    if (target === null || target.kind === "room") return;
    const open = async (): Promise<void> => {
      if (target.kind === "user") {
        const roomId = await engine.startDirectChat(target.userId);
        navigate({ page: "target", target: { kind: "room", room: roomId, via: [] } }, true);
        return;
      }
      const result = await engine.join(target.room, target.via, target.token);
      if (result === "knocked") showToast({ text: t("shell.knocked") });
      const next = result === "joined" && target.room.startsWith("!");
      navigate(next ? { page: "target", target: { kind: "room", room: target.room, via: [] } } : { page: "home" }, true);
    };
    open().catch((error: unknown) => {
      showProblem(error);
      navigate({ page: "home" }, true);
    });
  }, [engine, target]); // oxlint-disable-line react/exhaustive-deps -- once for each address, whatever the language
  return target?.kind === "room" ? target.room : null;
}

export function Home() {
  const visible = useVisibleEngine();
  return <EngineContext value={visible.engine}><Screens locked={visible.locked} /></EngineContext>;
}

function openHash(hash: string): void {
  location.hash = hash;
}

function Screens({ locked }: Pick<VisibleEngine, "locked">) {
  const { t } = useTranslation();
  const route = useRoute();
  const roomId = useTarget();
  const accountEntries = useAccountEntries();
  const openChat = useCallback((room: string | null) => navigate(room === null ? { page: "home" } : { page: "target", target: { kind: "room", room, via: [] } }), []);
  const openPerson = useCallback((userId: string) => navigate({ page: "target", target: { kind: "user", userId } }), []);
  const openLink = useCallback((link: string) => {
    const target = parseScanned(link);
    if (target === undefined) showToast({ tone: "danger", text: t("shell.linkUnknown") });
    else navigate({ page: "target", target });
  }, [t]);
  const isHidden = useReadable(appLock.revealed) ? false : roomId !== null && locked.isHidden(roomId);
  const notifier = <Notifier roomId={route.page === "target" ? roomId : null} isHidden={(room) => locked.isHidden(room)} onOpen={openHash} />;
  if (route.page === "settings") {
    return (
      <>
        {notifier}
        <Suspense fallback={<Waiting sentence={t("settings.opening")} />}>
          <Settings section={route.section} onOpen={(section) => navigate({ page: "settings", section })} onClose={() => navigate({ page: "home" })} />
        </Suspense>
      </>
    );
  }
  if (isHidden) return <>{notifier}<HiddenChat onClose={() => navigate({ page: "home" }, true)} /></>;
  return (
    <div className={css.home} data-home>
      {notifier}
      <Messenger
        roomId={roomId}
        shownEvent={route.page === "target" && route.target.kind === "room" ? route.target.eventId : undefined}
        onOpenChat={openChat}
        onOpenPerson={openPerson}
        onOpenLink={openLink}
        onOpenSettings={() => navigate({ page: "settings", section: "" })}
        accountEntries={accountEntries}
        renderInfo={(room, _what, close) => <RoomInfo roomId={room} onClose={close} onOpenPerson={openPerson} />}
      />
    </div>
  );
}
