import type { MediaSource, Message, MessageBody, Picture } from "@/domain/message";
import type { RichText } from "@/domain/rich_text";
import { HOSTILE } from "./demo_texts";

export function source(name: string, mimeType: string, size: number): MediaSource {
  return { mxc: `mxc://demo/${name}`, mimeType, size };
}

export function picture(name: string, width: number, height: number): Picture {
  return { source: source(name, "image/jpeg", 240_000), width, height, blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj" };
}

export function text(words: string, rich: RichText = [{ type: "text", text: words }]): MessageBody {
  return { kind: "text", style: "text", text: words, rich };
}

const t = (words: string) => ({ type: "text", text: words }) as const;

const FORMATTED: RichText = [
  { type: "paragraph", children: [t("Hello "), { type: "mention", userId: "@omar:demo", name: "عمر" }, t(", here is "), { type: "bold", children: [t("bold")] }, t(", "), { type: "italic", children: [t("italic")] }, t(", "), { type: "strike", children: [t("struck")] }, t(", "), { type: "code", text: "inline()" }, t(" and "), { type: "link", href: "https://example.org/a?b=c", children: [t("a link")] }, t(".")] },
  { type: "list", ordered: false, start: 1, items: [[t("flour")], [t("dates"), { type: "list", ordered: true, start: 3, items: [[t("Medjool")], [t("عجوة")]] }]] },
  { type: "quote", children: [{ type: "paragraph", children: [t("Well begun is half done.")] }] },
  { type: "paragraph", children: [t("The ending: "), { type: "spoiler", children: [t("the pigeon comes home")] }] },
  { type: "code-block", language: "python", text: "def home(pigeon):\n    return pigeon.loft  # always\n" },
];

export interface Sample {
  readonly body: MessageBody;
  readonly with?: Partial<Message>;
}

/** One of every kind and state of message. */
export const SAMPLES: readonly Sample[] = [
  { body: text("Good morning! Did everybody sleep well?") },
  { body: text("صباح النور! نعم والحمد لله ☀️"), with: { reactions: [{ key: "❤️", senders: ["@a:demo", "@me:demo"], mine: "$r1" }, { key: "😂", senders: ["@b:demo"] }] } },
  { body: text("x", FORMATTED) },
  { body: text("I said this differently before."), with: { edited: true } },
  { body: text("Who brings the seed on Friday?"), with: { thread: { count: 3, unread: 2, latestAt: 1_700_000_000_000 } } },
  { body: text("That is an answer."), with: { replyTo: "@previous" } },
  { body: { kind: "image", picture: picture("photo", 1600, 1067), name: "sea.jpg", caption: [t("The sea this morning — البحر هذا الصباح")] } },
  { body: { kind: "image", picture: picture("tall", 900, 1600), name: "tower.jpg" } },
  { body: { kind: "video", picture: picture("video", 1280, 720), durationMs: 73_000, name: "birds.mp4" } },
  { body: { kind: "voice", source: source("voice", "audio/ogg", 40_000), durationMs: 17_400, waveform: Array.from({ length: 60 }, (_, at) => Math.abs(Math.sin(at / 3)) * 1000), name: "voice.ogg" } },
  { body: { kind: "file", source: source("file", "application/pdf", 1_482_300), name: "Timetable of the week – جدول الأسبوع.pdf" } },
  { body: { kind: "location", latitude: 33.5138, longitude: 36.2765, uncertaintyM: 40, label: "Damascus – دمشق" } },
  { body: { kind: "contact", userId: "@salma:demo", name: "سلمى" } },
  { body: { kind: "poll", question: "When shall we meet? متى نلتقي؟", answers: [{ id: "a", text: "Friday" }, { id: "b", text: "السبت" }, { id: "c", text: "Sunday evening, after the concert" }], selectionsMax: 1, disclosed: true } },
  { body: text("Forwarded from one chat to another."), with: { hop: 1 } },
  { body: text("Send this to eight people or the pigeons will be cut off!!!"), with: { hop: 3 } },
  { body: text("This one disappears."), with: { expiresAt: 1 } },
  { body: text("🕊️❤️") },
  { body: { kind: "deleted", by: "@omar:demo" } },
  { body: { kind: "undecryptable", reason: "no-key" } },
  { body: { kind: "undecryptable", reason: "not-yet" } },
  { body: { kind: "undecryptable", reason: "withheld" } },
  { body: { kind: "undecryptable", reason: "broken" } },
  { body: { kind: "broken", type: "org.example.unknown" } },
  { body: { kind: "text", style: "emote", text: "waves", rich: [t("waves")] } },
  { body: { kind: "text", style: "notice", text: "The backup is done.", rich: [t("The backup is done.")] } },
  { body: text("A device nobody checked sent this."), with: { shield: "unverified-device" } },
  { body: text("Their keys are new."), with: { shield: "identity-changed" } },
  { body: text("Not encrypted."), with: { shield: "unencrypted", encrypted: false } },
  { body: text("Starred and pinned."), with: { starred: true, pinned: true } },
  { body: text(HOSTILE.bidi) },
  { body: text(HOSTILE.zalgo) },
  { body: text(HOSTILE.html) },
  { body: text(HOSTILE.wide) },
  { body: text(HOSTILE.long) },
  { body: text(HOSTILE.lines) },
  { body: text(HOSTILE.nulls) },
  { body: { kind: "file", source: source("bad", "text/html", Number.MAX_SAFE_INTEGER), name: HOSTILE.bidi + HOSTILE.wide } },
  { body: { kind: "poll", question: HOSTILE.wide, answers: [{ id: "a", text: HOSTILE.zalgo }, { id: "b", text: HOSTILE.html }], selectionsMax: 2, disclosed: false } },
  // Not what the type says: a mistake of the parser must stay within its bubble.
  { body: { kind: "poll" } as unknown as MessageBody },
  { body: text("Waiting to be sent."), with: { isOwn: true, status: "waiting" } },
  { body: text("The server has it."), with: { isOwn: true, status: "held" } },
  { body: text("وصلت إلى أجهزتهم."), with: { isOwn: true, status: "delivered" } },
  { body: text("They have read it."), with: { isOwn: true, status: "read" } },
  { body: text("This did not go out."), with: { isOwn: true, status: "failed", failure: "M_FORBIDDEN" } },
];
