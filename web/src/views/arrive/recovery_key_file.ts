interface KeyFile {
  readonly title: string;
  readonly userId: string;
  readonly key: string;
  readonly note: string;
  readonly server: string;
}

/** The text that is saved. Isolates keep the key and the ID in order between Arabic words. */
export function buildKeyFile({ title, userId, key, note, server }: KeyFile): string {
  const isolate = (text: string): string => `\u2066${text}\u2069`;
  return [title, "", isolate(userId), isolate(server), "", isolate(key), "", note, ""].join("\r\n");
}

/** The key in what somebody pastes: the key itself, or the whole saved file. */
export function readRecoveryKey(text: string): string {
  const bare = text.replace(/[\u2066-\u2069\u200e\u200f]/g, "");
  const line = bare.split(/\r?\n/).find((each) => /^\s*(?:[1-9A-HJ-NP-Za-km-z]{4}\s+){6,}[1-9A-HJ-NP-Za-km-z]{1,4}\s*$/.test(each));
  return (line ?? bare).trim();
}
