/** A failure that a person is told of: texts are `problem.<code>` and `problem.<code>_next` of the language files. */
export class Problem extends Error {
  readonly code: string;
  readonly values: Readonly<Record<string, string>>;

  constructor(code: string, values: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super(code, { cause });
    this.name = "Problem";
    this.code = code;
    this.values = values;
  }
}
