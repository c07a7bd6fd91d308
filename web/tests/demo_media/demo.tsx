import "@/views/common/base.css";
import { useState, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { computeWaveform } from "@/domain/media/waveform";
import type { EncryptedFileKey, MediaSource, Message, MessageBody, Picture } from "@/domain/message";
import { scheduleSound } from "@/platform/sounds";
import { startLanguage } from "@/i18n/language";
import { AccountMedia } from "@/protocol/media_access";
import { uploadOutgoing } from "@/protocol/media_outgoing";
import { prepareFile } from "@/protocol/media_prepare";
import * as crypto from "@/platform/media_crypto";
import { uploadMedia } from "@/platform/media_upload";
import { AlbumGrid } from "@/views/media/AlbumGrid";
import { AvatarCropper } from "@/views/media/AvatarCropper";
import { FileCard } from "@/views/media/FileCard";
import { ImageBubble } from "@/views/media/ImageBubble";
import { MediaProvider } from "@/views/media/media_context";
import { QrCode } from "@/views/media/qr/QrCode";
import { QrScanner } from "@/views/media/qr/QrScanner";
import { SendDialog } from "@/views/media/SendDialog";
import { Sticker } from "@/views/media/Sticker";
import { VideoBubble } from "@/views/media/VideoBubble";
import { Viewer } from "@/views/media/Viewer";
import { ViewOnceBubble } from "@/views/media/ViewOnceBubble";
import { VoicePlayer } from "@/views/media/VoicePlayer";
import { VoiceRecordBar } from "@/views/media/VoiceRecordBar";
import { UiRoot } from "@/views/common/UiRoot";
import { makeFilm, makePicture, makeSound } from "./demo_files";

const query = new URLSearchParams(location.search);
const server = { baseUrl: location.origin, accessToken: () => "a-token" };
const media = new AccountMedia(server, "demo-media");
/** Longer than a test takes, also on a busy machine. */
const VOICE_S = 60;

type Content = Record<string, unknown>;

function readSource(content: Content, info: Content, names = ["url", "file"] as const): MediaSource {
  const file = content[names[1]] as { url: string; key: { k: string }; iv: string; hashes: { sha256: string } } | undefined;
  const key: EncryptedFileKey | undefined = file && { k: file.key.k, iv: file.iv, sha256: file.hashes.sha256 };
  return { mxc: file?.url ?? String(content[names[0]]), mimeType: String(info["mimetype"]), size: Number(info["size"]), ...(key ? { key } : {}) };
}

function readPicture(content: Content): Picture {
  const info = content["info"] as Content;
  const small = info["thumbnail_info"] as Content | undefined;
  return {
    source: readSource(content, info),
    width: Number(info["w"]),
    height: Number(info["h"]),
    ...(info["xyz.amorgan.blurhash"] ? { blurhash: String(info["xyz.amorgan.blurhash"]) } : {}),
    ...(small ? { thumbnail: readSource({ url: info["thumbnail_url"], file: info["thumbnail_file"] }, small) } : {}),
  };
}

async function sendPicture(file: File, kind: "image" | "video" | "sticker" = "image"): Promise<Picture> {
  return readPicture(await uploadOutgoing(server, { file, name: file.name, kind }, { encrypted: true }));
}

interface Samples {
  readonly picture: Picture;
  readonly film: Picture;
  readonly sticker: Picture;
  readonly album: readonly Picture[];
  readonly voice: MediaSource;
  readonly waveform: readonly number[];
}

async function buildSamples(): Promise<Samples> {
  const sound = await prepareFile({ file: makeSound(VOICE_S), name: "voice.wav", kind: "voice" });
  const content = await uploadOutgoing(server, { file: sound.data, name: "voice.wav", kind: "voice" }, { encrypted: true });
  return {
    picture: await sendPicture(await makePicture(1600, 1200, 150)),
    film: await sendPicture(await makeFilm(1_200), "video"),
    sticker: await sendPicture(await makePicture(200, 200, 300, "image/webp"), "sticker"),
    album: await Promise.all([[900, 600, 10], [600, 900, 80], [800, 800, 200], [1200, 500, 260], [700, 900, 320]].map(async ([w, h, hue]) => sendPicture(await makePicture(w!, h!, hue!)))),
    voice: readSource(content, content["info"] as Content),
    waveform: sound.waveform ?? [],
  };
}

function message(id: string, body: MessageBody): Message {
  return { id, roomId: "!r", sender: "@a:b", senderName: "Salma", isOwn: false, sentAt: 1_764_000_000_000, body, edited: false, reactions: [], status: "read", deliveredTo: [], readBy: [], hop: 0, viewOnce: false, pinned: false, starred: false, encrypted: true, shield: "ok" } as Message;
}

function Bubble({ children, own }: { readonly children: ReactNode; readonly own?: boolean }) {
  return <div style={{ background: own ? "var(--bubble-out)" : "var(--bubble-in)", color: "var(--text)", padding: 6, borderRadius: 14, maxInlineSize: "100%", inlineSize: "fit-content", alignSelf: own ? "flex-end" : "flex-start" }}>{children}</div>;
}

function Chat({ samples }: { readonly samples: Samples }) {
  const [opened, setOpened] = useState<string>();
  const [isRecording, setRecording] = useState(query.get("show") === "record");
  const [log, setLog] = useState("");
  const messages = samples.album.map((picture, index) => message(`album${index}`, { kind: "image", picture, name: `picture ${index}`, album: "x" }));
  const items = [...samples.album.map((picture, index) => ({ id: `album${index}`, kind: "image" as const, picture, name: `picture ${index}` })), { id: "film", kind: "video" as const, picture: samples.film, name: "film.webm" }, { id: "one", kind: "image" as const, picture: samples.picture, name: "sunset.jpg", caption: "غروب الشمس على النيل, what a day" }];
  const missing = { mxc: "mxc://demo/gone", mimeType: "image/png", size: 100 };
  const track2 = { id: "voice2", source: samples.voice, durationMs: VOICE_S * 1_000 };
  const pdf = { mxc: samples.voice.mxc, mimeType: "application/pdf", size: 2_400_000, ...(samples.voice.key ? { key: samples.voice.key } : {}) };
  return (
    <main style={{ display: "flex", flexDirection: "column", gap: 10, padding: 10, background: "var(--chat-bg)", minBlockSize: "100vh", boxSizing: "border-box" }}>
      <h1 style={{ fontSize: 16, margin: 0, color: "var(--text)" }}>Media</h1>
      <Bubble><ImageBubble picture={samples.picture} name="sunset.jpg" onOpen={() => setOpened("one")} /></Bubble>
      <Bubble own><VoicePlayer track={{ id: "voice1", source: samples.voice, durationMs: VOICE_S * 1_000, next: () => track2 }} waveform={samples.waveform} /></Bubble>
      <Bubble><VoicePlayer track={track2} waveform={samples.waveform} isNew /></Bubble>
      <Bubble><FileCard source={pdf} name="تقرير الربع الأول 2026.pdf" /></Bubble>
      <Bubble own><FileCard source={pdf} name="a very long file name that does not fit into the bubble of a phone.zip" upload={0.42} onCancel={() => setLog("cancelled")} /></Bubble>
      <Bubble own><FileCard source={pdf} name="failed.zip" onRetry={() => setLog("retried")} /></Bubble>
      <Bubble own><AlbumGrid messages={messages} onOpen={(each) => setOpened(each.id)} /></Bubble>
      <Bubble><VideoBubble picture={samples.film} durationMs={1_200} name="film.webm" onOpen={() => setOpened("film")} /></Bubble>
      <Bubble><ViewOnceBubble kind="image" source={samples.picture.source} isOwn={false} isViewed={log === "viewed"} onViewed={() => setLog("viewed")} /></Bubble>
      <Bubble><ImageBubble picture={{ source: missing, width: 300, height: 200, ...(samples.picture.blurhash ? { blurhash: samples.picture.blurhash } : {}) }} name="gone.png" onOpen={() => undefined} /></Bubble>
      <Sticker picture={samples.sticker} name="pigeon" />
      <Bubble><QrCode value="https://example.org/#/@salma:example.org" label="Salma" /></Bubble>
      {isRecording && <VoiceRecordBar onSend={(recorded) => { Object.assign((globalThis as unknown as { readonly demo: object }).demo, { recorded }); setLog(`recorded ${recorded.durationMs} ${recorded.file.type} ${recorded.waveform.length}`); }} onClose={() => setRecording(false)} />}
      <button type="button" onClick={() => setRecording(true)}>record</button>
      <output data-log>{log}</output>
      {opened && <Viewer items={items.map((item) => ({ ...item, senderName: "سلمى", sentAt: 1_764_000_000_000 }))} startId={opened} onClose={() => setOpened(undefined)} />}
      <Extra onLog={setLog} />
    </main>
  );
}

function Extra({ onLog }: { readonly onLog: (text: string) => void }) {
  const [files, setFiles] = useState<readonly File[]>();
  const show = query.get("show");
  if (show === "send" && !files) void Promise.all([makePicture(1200, 900, 40), makePicture(600, 900, 120)]).then((made) => setFiles([...made, new File(["%PDF-1.7 x"], "ميزانية.pdf"), new File([], "empty.txt")]));
  if (show === "crop" && !files) void makePicture(1200, 800, 40).then((made) => setFiles([made]));
  if (show === "scan") return <QrScanner onFound={(text) => onLog(`found ${text}`)} />;
  if (show === "send" && files?.length) return <SendDialog files={files} onSend={(sent) => onLog(JSON.stringify(sent.map(({ kind, name, album, viewOnce, caption }) => ({ kind, name, album: album !== undefined, viewOnce, caption }))))} onClose={() => setFiles([])} />;
  if (show === "crop" && files?.[0]) return <AvatarCropper file={files[0]} onCropped={(blob) => onLog(`cropped ${blob.type} ${blob.size > 1000}`)} onClose={() => setFiles([])} />;
  return null;
}

document.documentElement.dataset["theme"] = query.get("theme") ?? "light";
/** For the tests that need no component. */
Object.assign(globalThis, { demo: { media, server, crypto, uploadMedia, uploadOutgoing, prepareFile, makePicture, makeSound, makeFilm, computeWaveform, scheduleSound } });
await startLanguage(query.get("lang") === "ar" ? "ar" : "en", false);
const samples = await buildSamples();
createRoot(document.getElementById("root")!).render(<UiRoot><MediaProvider value={media}><Chat samples={samples} /></MediaProvider></UiRoot>);
