import "@/views/common/base.css";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { EngineContext } from "@/app/engine_context";
import type { Engine } from "@/domain/engine";
import { startLanguage } from "@/i18n/language";
import { UiRoot } from "@/views/common/UiRoot";
import { Messenger } from "@/views/layout/Messenger";
import { MediaProvider } from "@/views/media/media_context";
import { DemoEngine } from "./demo_engine";
import { demoMedia } from "./demo_media";

const options = new URLSearchParams(location.search);
const count = (name: string, otherwise: number): number => Number(options.get(name) ?? otherwise);
const engine = new DemoEngine({ chats: count("chats", 200), messages: count("messages", 500), loaded: count("loaded", 200), members: count("members", 200), now: Date.now(), ...(options.has("stickers") ? { stickers: count("stickers", 0) } : {}) });
Object.assign(window, { demo: engine });

function Demo() {
  const [roomId, setRoomId] = useState<string | null>(options.get("room"));
  return (
    <Messenger
      roomId={roomId}
      onOpenChat={setRoomId}
      onOpenPerson={() => undefined}
      onOpenLink={() => undefined}
      onOpenSettings={() => undefined}
      renderInfo={(_, what, close) => <div><h2>{what}</h2><button type="button" onClick={close}>close</button></div>}
    />
  );
}

const theme = options.get("theme");
if (theme) document.documentElement.dataset["theme"] = theme;
await startLanguage(options.get("lang") === "ar" ? "ar" : "en", options.get("digits") === "latn");
createRoot(document.getElementById("root")!).render(
  <UiRoot>
    <EngineContext value={engine as unknown as Engine}><MediaProvider value={demoMedia}><Demo /></MediaProvider></EngineContext>
  </UiRoot>,
);
