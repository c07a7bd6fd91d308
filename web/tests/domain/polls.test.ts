import { describe, expect, it } from "vitest";
import { buildPollEnd, buildPollResponse, buildPollStart } from "@/domain/message_content";
import { buildPollResults, parsePoll, parsePollChoices, POLL_ANSWERS_MAX, POLL_QUESTION_LENGTH_MAX, tallyPoll } from "@/domain/polls";
import type { Poll, PollEvent, PollVote } from "@/domain/polls";

const POLL: Poll = { question: "Q", answers: [{ id: "a", text: "A" }, { id: "b", text: "B" }, { id: "c", text: "C" }], selectionsMax: 2, disclosed: true };
const ME = "@me:x";
const vote = (sender: string, sentAt: number, ...answerIds: string[]): PollVote => ({ sender, sentAt, eventId: `$${sender}${sentAt}`, answerIds });
const counts = (...args: Parameters<typeof tallyPoll>): Record<string, number> => Object.fromEntries(tallyPoll(...args).counts);

describe("tally", () => {
  it("counts each person's last vote", () => {
    const tally = tallyPoll(POLL, [vote(ME, 3, "b"), vote("@x:x", 1, "a"), vote(ME, 1, "a"), vote("@y:x", 2, "b", "a")], ME);
    expect(Object.fromEntries(tally.counts)).toEqual({ a: 2, b: 2, c: 0 });
    expect([tally.total, tally.winners, tally.mine, tally.ended]).toEqual([3, ["a", "b"], ["b"], false]);
  });

  it("ignores votes after the end, but not at it", () => {
    expect(counts(POLL, [vote("@x:x", 5, "a"), vote("@x:x", 6, "b"), vote("@y:x", 7, "c")], ME, 5)).toEqual({ a: 1, b: 0, c: 0 });
  });

  it("cuts surplus choices, counts a choice once, and leaves spoilt votes out", () => {
    expect(counts(POLL, [vote("@x:x", 1, "a", "b", "c")], ME)).toEqual({ a: 1, b: 1, c: 0 });
    expect(counts(POLL, [vote("@x:x", 1, "a", "a", "a")], ME)).toEqual({ a: 1, b: 0, c: 0 });
    expect(counts(POLL, [vote("@x:x", 1, "a"), vote("@x:x", 2, "nonsense")], ME)).toEqual({ a: 0, b: 0, c: 0 });
    expect(counts(POLL, [vote("@x:x", 1, "a"), vote("@x:x", 2)], ME)).toEqual({ a: 0, b: 0, c: 0 });
    expect(tallyPoll(POLL, [], ME)).toMatchObject({ total: 0, winners: [], mine: [] });
  });

  it("agrees on votes of the same instant, whatever their order", () => {
    const both = [{ ...vote("@x:x", 1, "a"), eventId: "$1" }, { ...vote("@x:x", 1, "b"), eventId: "$2" }];
    expect(counts(POLL, both, ME)).toEqual(counts(POLL, [...both].reverse(), ME));
  });
});

describe("results", () => {
  const event = (sender: string, sentAt: number, outgoing: { type: string; content: Readonly<Record<string, unknown>> }): PollEvent => ({ sender, sentAt, eventId: `$${sender}${sentAt}`, ...outgoing });
  const related = [event(ME, 1, buildPollResponse("$p", ["a"])), event("@x:x", 2, buildPollResponse("$p", ["b"])), event("@x:x", 3, buildPollEnd("$p", "over")), event("@y:x", 4, buildPollResponse("$p", ["b"]))];

  it("are ended only by whom it behoves", () => {
    expect(buildPollResults(POLL, "@owner:x", related, ME)).toEqual({ votes: { a: [ME], b: ["@x:x", "@y:x"], c: [] }, mine: ["a"], ended: false });
    expect(buildPollResults(POLL, "@x:x", related, ME)).toEqual({ votes: { a: [ME], b: ["@x:x"], c: [] }, mine: ["a"], ended: true });
    expect(buildPollResults(POLL, "@owner:x", related, ME, (user) => user === "@x:x").ended).toBe(true);
    expect(buildPollResults(POLL, "@x:x", related.map((each) => ({ ...each, redactedBy: "@m:x" })), ME)).toEqual({ votes: { a: [], b: [], c: [] }, mine: [], ended: false });
  });

  it("stay hidden in undisclosed polls until the end", () => {
    expect(buildPollResults({ ...POLL, disclosed: false }, "@owner:x", related, ME)).toEqual({ votes: {}, mine: ["a"], ended: false });
    expect(buildPollResults({ ...POLL, disclosed: false }, "@x:x", related, ME).votes).toMatchObject({ a: [ME] });
  });

  it("read both forms of responses and no others", () => {
    expect(parsePollChoices({ "m.selections": ["a"] })).toEqual(["a"]);
    expect(parsePollChoices({ "org.matrix.msc3381.poll.response": { answers: ["b"] } })).toEqual(["b"]);
    for (const content of [undefined, {}, { "m.selections": "a" }, { "m.selections": [1] }, { "m.selections": ["x".repeat(500)] }]) expect(parsePollChoices(content)).toEqual([]);
  });
});

it("bounds what a poll holds", () => {
  const start = buildPollStart("q".repeat(5_000), Array.from({ length: 50 }, (_, n) => `answer ${n}`), 1e9, true, (() => { let n = 0; return () => String(n++); })());
  const poll = parsePoll(start.content);
  expect([poll?.question.length, poll?.answers.length, poll?.selectionsMax]).toEqual([POLL_QUESTION_LENGTH_MAX, POLL_ANSWERS_MAX, POLL_ANSWERS_MAX]);
});
