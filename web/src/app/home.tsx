import { lazy, Suspense, useCallback, useState } from "react";
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
import { EngineContext } from "./engine_context";
import { LinkTargets, useOpenRoom } from "./link_targets";
import { navigate, useRoute } from "./navigation";
import { RoomInfo, RoomSearch } from "./room_info";
import { useVisibleEngine, type VisibleEngine } from "./visible_engine";
import css from "./home.module.css";

const PersonDialog = lazy(async () => ({ default: (await import("@/views/people/PersonDialog")).PersonDialog }));
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
  const roomId = useOpenRoom();
  const [person, setPerson] = useState<string | null>(null);
  const accountEntries = useAccountEntries();
  const openMessage = useCallback((room: string, eventId: string) => navigate({ page: "target", target: { kind: "room", room, via: [], eventId } }), []);
  const openChat = useCallback((room: string | null) => navigate(room === null ? { page: "home" } : { page: "target", target: { kind: "room", room, via: [] } }), []);
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
        onOpenPerson={setPerson}
        onOpenLink={openLink}
        onOpenSettings={() => navigate({ page: "settings", section: "" })}
        accountEntries={accountEntries}
        onOpenMessage={openMessage}
        renderInfo={(room, what, close, openThreads) => (what === "search" ? <RoomSearch roomId={room} onClose={close} onOpenMessage={openMessage} /> : <RoomInfo roomId={room} onClose={close} onThreads={openThreads} />)}
      />
      <LinkTargets />
      {person !== null && <Suspense><PersonDialog userId={person} onClose={() => setPerson(null)} onOpenChat={(room) => { setPerson(null); openChat(room); }} /></Suspense>}
    </div>
  );
}
