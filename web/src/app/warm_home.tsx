import { useEffect, useMemo, useState, type ReactNode } from "react";
import type { ChatSummary, Connection, Engine, Person } from "@/domain/engine";
import { Store } from "@/domain/store";
import type { WarmList } from "@/protocol/warm_list";
import { WarmMessenger } from "@/views/layout/WarmMessenger";
import { useApp } from "./app_context";
import { EngineContext } from "./engine_context";
import { navigate, useRoute } from "./navigation";
import { useVisibleEngine } from "./visible_engine";
import css from "./home.module.css";

function nameOf(userId: string): string {
  return userId.slice(1).split(":")[0] ?? userId;
}

/** What the list of chats asks of an engine, from what was kept of the last time. */
function buildWarmEngine(userId: string, { chats, profile }: WarmList): Engine {
  const warm: Pick<Engine, "userId" | "chats" | "profile" | "connection"> = {
    userId,
    chats: new Store<readonly ChatSummary[]>(chats),
    profile: new Store<Person>(profile ?? { userId, name: nameOf(userId), trust: "verified" }),
    connection: new Store<Connection>({ state: "starting" }),
  };
  // Nothing else of it is reached: WarmMessenger lets only chats be chosen.
  return warm as Engine;
}

function Shown() {
  const visible = useVisibleEngine();
  const route = useRoute();
  const room = route.page === "target" && route.target.kind === "room" ? route.target.room : null;
  const open = (roomId: string) => navigate({ page: "target", target: { kind: "room", room: roomId, via: [] } });
  return <EngineContext value={visible.engine}><div className={css.home}><WarmMessenger roomId={room !== null && visible.locked.isHidden(room) ? null : room} onOpenChat={open} /></div></EngineContext>;
}

/** The chats of the last time while the engine is being loaded; `otherwise` where there are none, or another page is asked for. */
export function WarmHome({ userId, otherwise }: { readonly userId: string; readonly otherwise: ReactNode }) {
  const route = useRoute();
  const { warmStarts } = useApp();
  const [warm] = useState(() => warmStarts.find(userId) ?? warmStarts.begin(userId));
  const [list, setList] = useState(warm.list);
  useEffect(() => {
    let isHere = true;
    if (list === undefined) void warm.loaded.then(() => { if (isHere) setList(warm.list); });
    else warm.drawn();
    return () => { isHere = false; };
  }, [warm, list]);
  const engine = useMemo(() => (list ? buildWarmEngine(userId, list) : null), [userId, list]);
  if (engine === null || (route.page !== "home" && route.page !== "target")) return otherwise;
  return <EngineContext value={engine}><Shown /></EngineContext>;
}
