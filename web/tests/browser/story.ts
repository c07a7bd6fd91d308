import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import { launchChromium } from "../chromium.ts";
import { Person, type PersonOptions } from "./person.ts";

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: stories are run by tests/browser`);
  return value;
}

/** Where a story happens: a server, a browser, and the persons of the story. */
export class Stage {
  /** The address of the server. */
  readonly base = setting("ZAJIL_STORY_BASE");
  /** The link that the server printed when it started without accounts. */
  readonly setupLink = process.env["ZAJIL_STORY_LINK"] ?? "";
  readonly persons: Person[] = [];
  readonly browser: Browser;

  constructor(browser: Browser) {
    this.browser = browser;
  }

  /** A person with a browser profile of their own; two devices of one account are two persons here. */
  async newPerson(name: string, options: PersonOptions = {}): Promise<Person> {
    const person = await Person.open(this.browser, this.base, name, options);
    this.persons.push(person);
    return person;
  }

  /** Says where in the story we are, for when it fails. */
  say(chapter: string): void {
    console.log(`${new Date().toISOString().slice(11, 23)} ${chapter}`);
  }

  /** Has the test kill, stop or start the server. */
  async server(action: "kill" | "stop" | "start"): Promise<void> {
    console.log(`@@server ${action}`);
    const { value } = await input.next();
    if (value !== "done") throw new Error(`server ${action}: ${String(value)}`);
  }

  /** Has the other client, which the test runs, do something; the answer is what it tells of it. */
  async other(line: string): Promise<string> {
    console.log(`@@other ${line}`);
    const { value } = await input.next();
    if (typeof value !== "string" || /^\w*(Error|Failed|Timeout)\w*:/.test(value)) throw new Error(`${line}: ${String(value)}`);
    return value;
  }

  /** Runs `zajil …` on this server's data and returns all it printed. */
  cli(...command: string[]): string {
    const [program = "", ...before] = JSON.parse(setting("ZAJIL_STORY_CLI")) as string[];
    const place = JSON.parse(setting("ZAJIL_STORY_PLACE")) as string[];
    // The story's own settings are none of Zajil's, which refuses those that it does not know.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ZAJIL_")));
    return execFileSync("/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", program, ...before, ...command, ...place], { encoding: "utf-8", env });
  }

  /** A link with which one account is made. */
  invitationLink(): string {
    const link = /http\S+#\/register\?token=[\w-]+/.exec(this.cli("token", "create"))?.[0];
    if (link === undefined) throw new Error("no link was printed");
    return this.base + link.slice(link.indexOf("/#"));
  }
}

/** Runs a story; the process ends with 1 if it fails, and with a picture of everybody's screen if a folder is given. */
export async function runStory(story: (stage: Stage) => Promise<void>): Promise<void> {
  const browser = await launchChromium();
  const stage = new Stage(browser);
  const pictures = process.env["ZAJIL_SCREENSHOTS"];
  try {
    await story(stage);
    const complaints = stage.persons.flatMap((person) => person.complaints.map((each) => `${person.name}: ${each}`));
    if (complaints.length > 0) throw new Error(`The page complained:\n${complaints.join("\n")}`);
  } catch (error) {
    console.log(error);
    for (const person of stage.persons) console.log(`--- ${person.name} at ${person.page.url()}\n${[...person.complaints, ...person.log].join("\n")}\n${await person.readScreen()}`);
    process.exitCode = 1;
  }
  if (pictures !== undefined) for (const person of stage.persons) await person.page.screenshot({ path: join(pictures, `${person.name}.png`) });
  await browser.close();
  process.stdin.destroy();
}
