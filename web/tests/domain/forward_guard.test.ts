import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hasChainPhrase } from "@/domain/forward_guard/chain_phrases";
import { fingerprint, minHash, normaliseText, PERMUTATIONS, RECOGNISED_LETTERS_MIN, similarity, TAG_BYTES } from "@/domain/forward_guard/fingerprint";
import { chatsMax, ForwardGuard, HOP_MAX, labelOf, LADDER_WINDOW_MS, RETENTION_MS, SEEN_MAX, SENT_MAX } from "@/domain/forward_guard/forward_guard";
import type { Target } from "@/domain/forward_guard/forward_guard";
import { pick, seededRandom } from "./seeded_random";

const CHAIN = "تحذير هام جدا سيتم إغلاق خدمة المراسلة غدا صباحا لكل من لا يرسل هذه الرسالة إلى ثمانية أشخاص من أصدقائه قبل منتصف الليل والله أعلم";
const chats = (...names: string[]): Target[] => names.map((roomId) => ({ roomId, isGroup: false }));
const group = (roomId: string): Target => ({ roomId, isGroup: true });

function guardAt(start = 1_000_000_000_000): { guard: ForwardGuard; clock: { now: number } } {
  const clock = { now: start };
  return { guard: new ForwardGuard(() => clock.now), clock };
}

describe("hashes", () => {
  it("agree with the platform's, whatever the length", () => {
    for (const length of [30, 54, 55, 56, 63, 64, 65, 119, 120, 1_000]) {
      const text = "a".repeat(length);
      expect(fingerprint({ text }).tags).toEqual([createHmac("sha256", "zajil forward guard tag v1").update(`text:${text}`).digest("hex").slice(0, TAG_BYTES * 2)]);
    }
  });

  it("estimate similarity within the error of 128 permutations", () => {
    const random = seededRandom(2);
    for (const shared of [0, 40, 75, 100]) {
      // Every shingle is a word triple of its own, so the true similarity is known.
      const words = (prefix: string, count: number): string[] => Array.from({ length: count * 3 }, (_, index) => `${prefix}${index}-${Math.floor(random() * 10)}`);
      const common = words("c", shared);
      const a = new Set([...common, ...words("a", 100 - shared)]);
      const b = new Set([...common, ...words("b", 100 - shared)]);
      const shingles = (set: ReadonlySet<string>): Set<string> => new Set([...set].map((_, index, all) => all.slice(index, index + 3).join(" ")).filter((text) => text.split(" ").length === 3));
      const [sa, sb] = [shingles(a), shingles(b)];
      const both = [...sa].filter((item) => sb.has(item)).length;
      const truth = both / (sa.size + sb.size - both);
      expect(Math.abs(similarity(minHash([...a]), minHash([...b])) - truth)).toBeLessThan(0.14);
    }
  });

  it("see through spelling, vowels, punctuation and digits", () => {
    expect(normaliseText("أَرْسِلْها إلى ٨ أشخاصٍ!!  ﷲ")).toBe(normaliseText("ارسلها الي 8 اشخاص ﷲ"));
    expect(fingerprint({ text: `${CHAIN}!!!` }).tags).toEqual(fingerprint({ text: CHAIN.replaceAll("إ", "ا") }).tags);
    expect(fingerprint({ text: CHAIN }).signature).toHaveLength(PERMUTATIONS);
    expect(fingerprint({ text: "one two three four five six seven eight nine ten eleven" }).signature).toBeUndefined();
    expect(fingerprint({ text: "x".repeat(RECOGNISED_LETTERS_MIN - 1) }).everyday).toBe(true);
    expect(fingerprint({ text: "x".repeat(RECOGNISED_LETTERS_MIN) }).everyday).toBe(false);
    expect(fingerprint({ text: "" })).toEqual({ tags: [], everyday: true });
  });
});

describe("the ladder", () => {
  it("is 5, 5, 3, 2, 1 with a label from 2 on", () => {
    expect([0, 1, 2, 3, 4, 9].map(chatsMax)).toEqual([5, 5, 3, 2, 1, 1]);
    expect([0, 1, 2, 3, 4].map(labelOf)).toEqual([undefined, undefined, "many", "many", "many"]);
    const { guard } = guardAt();
    expect([0, 1, 2, 3, 4, 99, -1, Number.NaN].map((hop) => guard.inspectForward({ text: `content ${hop}` }, hop))).toMatchObject([
      { hop: 1, chatsLeft: 5, confirm: false }, { hop: 2, chatsLeft: 5, confirm: false }, { hop: 3, chatsLeft: 3, confirm: true }, { hop: 4, chatsLeft: 2, confirm: true },
      { hop: HOP_MAX, chatsLeft: 1, confirm: true }, { hop: HOP_MAX, chatsLeft: 1 }, { hop: 1, chatsLeft: 5 }, { hop: 1, chatsLeft: 5 },
    ]);
  });

  it("labels what was received by how far it has really come, for as long as that is remembered", () => {
    const { guard, clock } = guardAt();
    guard.receive({ text: CHAIN }, 3);
    const changed = { text: `اقرأوا هذا ${CHAIN}` };
    expect(guard.effectiveHop(changed, 0)).toBe(0);
    expect(guard.receive(changed, 0)).toBe(3);
    expect(guard.effectiveHop(changed, 0)).toBe(3);
    expect(guard.effectiveHop(changed, 9)).toBe(HOP_MAX);
    expect(guard.effectiveHop({ text: "good morning" }, 1)).toBe(1);
    clock.now += RETENTION_MS + 1;
    expect(guard.effectiveHop(changed, 1)).toBe(1);
  });

  it("counts chats of 24 hours, each once, and one group", () => {
    const { guard, clock } = guardAt();
    const content = { text: CHAIN };
    expect(guard.mayForward(guard.inspectForward(content, 0), content, chats("1", "2", "3", "4", "5"))).toBe(true);
    expect(guard.mayForward(guard.inspectForward(content, 0), content, chats("1", "2", "3", "4", "5", "6"))).toBe(false);
    expect(guard.mayForward(guard.inspectForward(content, 0), content, [group("a"), group("b")])).toBe(false);
    guard.recordForward(content, [...chats("1", "2", "3"), group("a")]);
    expect(guard.inspectForward(content, 0)).toMatchObject({ chatsLeft: 1, groupsLeft: 0 });
    expect(guard.mayForward(guard.inspectForward(content, 0), content, [...chats("1", "2", "4"), group("a")])).toBe(true);
    expect(guard.mayForward(guard.inspectForward(content, 0), content, [group("b")])).toBe(false);
    expect(guard.inspectForward({ text: `${CHAIN} يا جماعة` }, 0)).toMatchObject({ chatsLeft: 1 });
    expect(guard.inspectForward({ text: "something else entirely" }, 0)).toMatchObject({ chatsLeft: 5 });
    clock.now += LADDER_WINDOW_MS - 1;
    expect(guard.inspectForward(content, 0)).toMatchObject({ chatsLeft: 1 });
    clock.now += 1;
    expect(guard.inspectForward(content, 0)).toMatchObject({ chatsLeft: 5, groupsLeft: 1 });
  });

  it("counts what went out from another device, once for each chat, from when it was sent", () => {
    const { guard, clock } = guardAt();
    const content = { text: CHAIN };
    guard.receive(content, 1);
    guard.recordForward(content, chats("1"));
    for (const { roomId } of chats("1", "2", "2", "3")) guard.noteForwarded(content, 2, { roomId, isGroup: false }, clock.now - LADDER_WINDOW_MS / 2);
    guard.noteForwarded({ text: `${CHAIN} آمين` }, 2, group("a"), clock.now + 5_000);
    expect(guard.inspectForward(content, 1)).toMatchObject({ effectiveHop: 1, chatsLeft: 1, groupsLeft: 0, chatsFreeAt: clock.now + LADDER_WINDOW_MS / 2 });
    guard.noteForwarded(content, 2, chats("long ago")[0]!, clock.now - LADDER_WINDOW_MS);
    expect(guard.inspectForward(content, 1)).toMatchObject({ chatsLeft: 1 });
    expect(new ForwardGuard(() => clock.now, guard.exportState()).inspectForward(content, 1)).toMatchObject({ chatsLeft: 1, groupsLeft: 0 });
    clock.now += LADDER_WINDOW_MS / 2;
    expect(guard.inspectForward(content, 1)).toMatchObject({ chatsLeft: 3 });
  });

  it("takes what another device has passed on for somebody else's when it is pasted", () => {
    const { guard, clock } = guardAt();
    guard.noteForwarded({ text: CHAIN }, 3, chats("1")[0]!, clock.now);
    expect(guard.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "forward", effectiveHop: 2, hop: 3, chatsLeft: 2 });
  });

  it("counts files of another device under their bytes, once these are known", () => {
    const { guard, clock } = guardAt();
    for (const roomId of ["1", "2", "3", "4", "5"]) guard.noteForwarded({ mxc: `mxc://x/${roomId}` }, 1, { roomId, isGroup: false }, clock.now);
    expect(guard.inspectForward({ fileSha256: "f00d" }, 0)).toMatchObject({ chatsLeft: 5 });
    for (const roomId of ["1", "2", "3", "4", "5"]) {
      expect(guard.wantsFile(`mxc://x/${roomId}`)).toBe(true);
      guard.linkFile(`mxc://x/${roomId}`, "f00d");
    }
    expect(guard.inspectForward({ fileSha256: "f00d" }, 0)).toMatchObject({ chatsLeft: 0 });
  });

  it("counts short texts and files that are forwarded", () => {
    const { guard } = guardAt();
    for (const content of [{ text: "نعم" }, { fileSha256: "ab" }]) {
      guard.recordForward(content, chats("1", "2", "3"));
      expect(guard.inspectForward(content, 2)).toMatchObject({ chatsLeft: 0 });
    }
  });
});

describe("recognition", () => {
  it("takes a pasted or changed copy for a forward, and own words never", () => {
    const { guard } = guardAt();
    expect(guard.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "own" });
    guard.receive({ text: CHAIN }, 3);
    expect(guard.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "forward", effectiveHop: 3, hop: 4, chatsLeft: 2 });
    expect(guard.inspectComposed({ text: `السلام عليكم\n${CHAIN.replace("غدا", "اليوم")}` })).toMatchObject({ kind: "forward", effectiveHop: 3 });
    expect(guard.inspectComposed({ text: "هذا نص كتبته بنفسي عن رحلتنا إلى البحر أمس مع الأولاد وكان الجو جميلا جدا والماء دافئا" })).toEqual({ kind: "own", hop: 0, confirm: false });
    guard.receive({ text: "صباح الخير" }, 4);
    expect(guard.inspectComposed({ text: "صباح الخير" })).toMatchObject({ kind: "own" });
  });

  it("raises a claimed hop to that of a near duplicate", () => {
    const { guard } = guardAt();
    expect(guard.receive({ text: CHAIN }, 2)).toBe(2);
    expect(guard.receive({ text: `${CHAIN} آمين` }, 0)).toBe(2);
    expect(guard.receive({ text: CHAIN }, 4)).toBe(4);
    expect(guard.receive({ text: CHAIN }, 0)).toBe(4);
    expect(guard.inspectForward({ text: `${CHAIN} آمين` }, 0)).toMatchObject({ effectiveHop: 4, chatsLeft: 1 });
    expect(guard.receive({ fileSha256: "f00d" }, 1)).toBe(1);
    expect(guard.inspectComposed({ fileSha256: "f00d" })).toMatchObject({ kind: "forward", effectiveHop: 1 });
    expect(guard.inspectComposed({ fileSha256: "beef" })).toMatchObject({ kind: "own" });
  });

  it("forgets after seven days and beyond its size", () => {
    const { guard, clock } = guardAt();
    guard.receive({ text: CHAIN }, 3);
    clock.now += RETENTION_MS;
    expect(guard.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "forward" });
    clock.now += 1;
    expect(guard.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "own" });
    expect(guard.exportState().seen).toEqual([]);
    for (let index = 0; index <= SEEN_MAX; index += 1) guard.receive({ fileSha256: `file ${index}` }, 1);
    expect(guard.exportState().seen).toHaveLength(SEEN_MAX);
    expect(guard.inspectComposed({ fileSha256: "file 0" })).toMatchObject({ kind: "own" });
    expect(guard.inspectComposed({ fileSha256: "file 1" })).toMatchObject({ kind: "forward" });
    guard.recordForward({ fileSha256: "x" }, Array.from({ length: SENT_MAX + 1 }, (_, index) => group(String(index))));
    expect(guard.exportState().sent).toHaveLength(SENT_MAX);
  });

  it("survives being stored, also damaged", () => {
    const { guard, clock } = guardAt();
    guard.receive({ text: CHAIN }, 3);
    guard.recordForward({ text: CHAIN }, chats("1"));
    const saved: unknown = JSON.parse(JSON.stringify(guard.exportState()));
    expect(JSON.stringify(saved)).not.toContain("خدمة");
    const again = new ForwardGuard(() => clock.now, saved);
    expect(again.inspectComposed({ text: `${CHAIN} كما` })).toMatchObject({ effectiveHop: 3, chatsLeft: 1 });
    for (const damaged of [null, 1, "x", [], {}, { version: 2 }, { version: 1, seen: 7, sent: [null, { t: "x" }, { at: 1, t: ["zz"] }] }, { version: 1, seen: [{ at: 1, h: 9, t: ["a".repeat(32)] }, { at: 1, h: 1, s: "!".repeat(684), t: [] }] }]) {
      expect(new ForwardGuard(() => clock.now, damaged).exportState()).toEqual({ version: 1, seen: [], sent: [], own: [] });
    }
  });

  it("tells when a chat and a group are free again", () => {
    const { guard, clock } = guardAt();
    const content = { text: CHAIN };
    const first = clock.now;
    guard.recordForward(content, chats("1"));
    clock.now += 3_600_000;
    guard.recordForward(content, [group("a")]);
    expect(guard.inspectForward(content, 2)).toMatchObject({ chatsFreeAt: first + LADDER_WINDOW_MS, groupsFreeAt: first + 3_600_000 + LADDER_WINDOW_MS });
    expect(guard.inspectForward({ text: "another thing that was never sent" }, 2)).not.toHaveProperty("chatsFreeAt");
  });

  it("never limits what was one's own before it came back", () => {
    const { guard } = guardAt();
    guard.noteOwn({ text: CHAIN });
    guard.receive({ text: CHAIN }, 3);
    expect(guard.inspectComposed({ text: CHAIN })).toEqual({ kind: "own", hop: 0, confirm: true });
    expect(guard.inspectComposed({ text: `${CHAIN} نعم` })).toMatchObject({ kind: "own" });
    expect(guard.inspectMessage({ content: { text: CHAIN }, hop: 0, isOwn: true })).toMatchObject({ kind: "own" });
    // Passed on by others it counts, and what was received first does not become one's own by writing it again.
    expect(guard.inspectMessage({ content: { text: CHAIN }, hop: 3, isOwn: false })).toMatchObject({ kind: "forward", effectiveHop: 3 });
    const { guard: other } = guardAt();
    other.receive({ text: CHAIN }, 2);
    other.noteOwn({ text: CHAIN });
    expect(other.inspectComposed({ text: CHAIN })).toMatchObject({ kind: "forward", effectiveHop: 2 });
  });

  it("knows a file by its bytes once it was opened, under whatever address", () => {
    const { guard } = guardAt();
    guard.receive({ mxc: "mxc://a/1", text: "look" }, 2);
    expect(guard.inspectComposed({ text: "look" })).toMatchObject({ kind: "own" });
    expect(guard.wantsFile("mxc://a/1")).toBe(true);
    guard.recordForward({ mxc: "mxc://a/1" }, chats("1"));
    guard.linkFile("mxc://a/1", "beef");
    expect(guard.wantsFile("mxc://a/1")).toBe(false);
    expect(guard.inspectComposed({ fileSha256: "beef" })).toMatchObject({ kind: "forward", effectiveHop: 2, chatsLeft: 2 });
    guard.receive({ mxc: "mxc://b/9" }, 0);
    guard.linkFile("mxc://b/9", "beef");
    expect(guard.inspectForward({ mxc: "mxc://b/9" }, 0)).toMatchObject({ effectiveHop: 2 });
  });

  it("knows a file by its bytes although it was opened before its message was noted", () => {
    const { guard, clock } = guardAt();
    guard.linkFile("mxc://a/1", "beef");
    guard.receive({ mxc: "mxc://a/1" }, 2);
    expect(guard.inspectComposed({ fileSha256: "beef" })).toMatchObject({ kind: "forward", effectiveHop: 2 });
    guard.linkFile("mxc://a/2", "f00d");
    guard.noteForwarded({ mxc: "mxc://a/2" }, 1, { roomId: "1", isGroup: false }, clock.now);
    expect(guard.inspectForward({ fileSha256: "f00d" }, 0)).toMatchObject({ chatsLeft: 4 });
    guard.linkFile("mxc://a/3", "ba5e");
    guard.noteOwn({ mxc: "mxc://a/3" });
    guard.receive({ fileSha256: "ba5e" }, 1);
    expect(guard.inspectComposed({ fileSha256: "ba5e" })).toMatchObject({ kind: "own" });
  });

  it("saves what is new, piece by piece", () => {
    const { guard, clock } = guardAt();
    guard.receive({ text: CHAIN }, 1);
    const first: unknown = JSON.parse(JSON.stringify(guard.takeChanges()));
    guard.receive({ text: CHAIN }, 3);
    guard.noteOwn({ text: "هذا نص كتبته بنفسي عن رحلتنا إلى البحر" });
    guard.recordForward({ text: CHAIN }, chats("1"));
    const second: unknown = JSON.parse(JSON.stringify(guard.takeChanges()));
    expect(guard.takeChanges()).toEqual({ version: 1, seen: [], sent: [], own: [] });
    const again = new ForwardGuard(() => clock.now);
    again.restore(first);
    again.restore(second);
    expect(again.exportState()).toEqual(guard.exportState());
    expect(again.exportState().seen).toHaveLength(1);
  });
});

describe("chain phrases", () => {
  it.each([
    CHAIN, "أرسلها إلى ٨ أشخاص وسترى", "انشرها لكل من تعرف", "إذا لم ترسلها سيصيبك مكروه", "لا تجعلها تقف عندك", "أمانة في رقبتك أن تنشرها", "سيتم حذف حسابك إن لم", "ارسلوها لأكبر عدد ممكن", "عاجل جدا: يرجى الحذر وبلغوا الجميع",
    "Forward this to 8 people or the service is cut", "Please send this message to all your contacts", "Don't break the chain!", "If you don't share this you will have bad luck", "Your WhatsApp account will be deactivated tomorrow", "Forwarded as received",
  ])("are found: %s", (text) => expect(hasChainPhrase(text)).toBe(true));

  it.each([
    "صباح الخير، كيف حالك اليوم؟", "أرسل لي الملف من فضلك", "هل وصلتك الرسالة التي أرسلتها أمس؟", "حولت لك المبلغ", "شاركنا رأيك في الاجتماع", "سأرسل لك الموعد", "Can you send me the report?", "I will forward it to Ali",
    "The shop will be closed tomorrow", "Let us keep this short", "send it to me and to Sara", "We passed the exam, all of us!", "",
  ])("are not in: %s", (text) => expect(hasChainPhrase(text)).toBe(false));

  it("only add a confirmation", () => {
    const { guard } = guardAt();
    expect(guard.inspectComposed({ text: CHAIN })).toEqual({ kind: "own", hop: 0, confirm: true });
    expect(hasChainPhrase("a b ".repeat(500_000))).toBe(false);
  });
});

/** A chain letter among people who know each other; every device runs the real guard. */
function simulate(seed: number, guarded: boolean): number {
  const random = seededRandom(seed);
  const people = 500;
  const friends = Array.from({ length: people }, (_, self) => {
    const near = Array.from({ length: 6 }, (_unused, step) => (self + step - 3 + people + (step >= 3 ? 1 : 0)) % people);
    return [...new Set([...near, ...Array.from({ length: 10 }, () => Math.floor(random() * people))])].filter((other) => other !== self);
  });
  let now = 0;
  const guards = Array.from({ length: people }, () => new ForwardGuard(() => now));
  const reached = new Set([0]);
  let wave: { readonly to: number; readonly hop: number; readonly text: string }[] = [{ to: 0, hop: 0, text: CHAIN }];
  for (let day = 0; day < 14 && wave.length > 0; day += 1) {
    now += LADDER_WINDOW_MS / 4;
    const next: typeof wave = [];
    for (const { to, hop, text } of wave) {
      reached.add(to);
      const guard = guards[to] as ForwardGuard;
      guard.receive({ text }, hop);
      if (random() > 0.2 && day > 0) continue;
      // Three of ten copy and paste, a word or two changed, so the claimed hop is lost.
      const pasted = random() < 0.3;
      const passed = pasted ? `${pick(random, ["انتبهوا", "مهم", "اقرؤوا"])} ${text}` : text;
      const decision = pasted ? guard.inspectComposed({ text: passed }) : guard.inspectForward({ text: passed }, hop);
      const wanted = [...(friends[to] ?? [])].sort(() => random() - 0.5).slice(0, 8);
      const allowed = guarded && decision.kind === "forward" ? wanted.slice(0, decision.chatsLeft) : wanted;
      guard.recordForward({ text: passed }, allowed.map((friend) => ({ roomId: String(friend), isGroup: false })));
      for (const friend of allowed) next.push({ to: friend, hop: guarded ? decision.hop : 0, text: passed });
    }
    wave = next.slice(0, 4_000);
  }
  return reached.size / people;
}

it("makes chain letters die out in a small simulation", () => {
  const seeds = [1, 2, 3];
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const free = mean(seeds.map((seed) => simulate(seed, false)));
  const guarded = mean(seeds.map((seed) => simulate(seed, true)));
  console.info(`reach without the guard ${(free * 100).toFixed(0)} %, with it ${(guarded * 100).toFixed(0)} % (seeds ${seeds.join(", ")})`);
  expect(free).toBeGreaterThan(0.5);
  expect(guarded).toBeLessThan(free / 2);
});
