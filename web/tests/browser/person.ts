import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Browser, BrowserContext, ConsoleMessage, Locator, Page } from "playwright-core";

const WAIT_MS_MAX = 30_000;
const LOG_LINES_MAX = 40;
const LOG_LINE_LENGTH_MAX = 600;

export interface PersonOptions {
  readonly language?: "en" | "ar";
  readonly scheme?: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
  /** For scripts that a test puts into the page; the page's own policy is held by all other stories. */
  readonly bypassPolicy?: boolean;
}

/** Answers that are part of the protocol, which Chromium's console mentions: flows, a refused name, a key that is not there yet. */
const EXPECTED_STATUS = /status of (400|401|403|404|429)/;

type Texts = { readonly [key: string]: Texts | string };

const TEXTS = Object.fromEntries(["en", "ar"].map((language) => [language, JSON.parse(readFileSync(new URL(`../../src/i18n/${language}.json`, import.meta.url), "utf-8")) as Texts]));

/** Somebody with a browser profile. Counts what they do with mouse and keyboard. */
export class Person {
  readonly name: string;
  readonly base: string;
  /** Of the texts that are looked for. */
  language: "en" | "ar";
  page: Page;
  readonly context: BrowserContext;
  readonly complaints: string[] = [];
  /** The end of what the page wrote to the console, for when a story fails. */
  readonly log: string[] = [];
  recoveryKey = "";
  actions = 0;
  /** While the server is away, failed requests are no complaint. */
  mayBeOffline = false;

  private constructor(name: string, base: string, language: "en" | "ar", context: BrowserContext, page: Page) {
    this.name = name;
    this.base = base;
    this.language = language;
    this.context = context;
    this.page = page;
    this.#watch(page);
  }

  #watch(page: Page): void {
    page.setDefaultTimeout(WAIT_MS_MAX);
    page.on("pageerror", (error) => this.complaints.push(`exception: ${error.message}`));
    page.on("console", (message) => this.#hear(message));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.base) && !/^(blob|data):/.test(request.url())) this.complaints.push(`foreign request: ${request.url()}`);
    });
  }

  /** Goes on in another tab of the same browser; the one before is no longer there. */
  moveTo(page: Page): void {
    this.page = page;
    this.#watch(page);
  }

  static async open(browser: Browser, base: string, name: string, options: PersonOptions): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      locale: options.language === "ar" ? "ar-SA" : "en-GB",
      colorScheme: options.scheme ?? "light",
      acceptDownloads: true,
      bypassCSP: options.bypassPolicy ?? false,
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write", "microphone", "camera"], { origin: base });
    return new Person(name, base, options.language ?? "en", context, await context.newPage());
  }

  #hear(message: ConsoleMessage): void {
    const text = message.text();
    this.log.push(`${message.type()}: ${text}`.slice(0, LOG_LINE_LENGTH_MAX));
    if (this.log.length > LOG_LINES_MAX) this.log.shift();
    if (/Content Security Policy|Content-Security-Policy/.test(text)) this.complaints.push(text);
    else if (message.type() === "error" && text.startsWith("Failed to load resource") && !EXPECTED_STATUS.test(text) && !this.mayBeOffline) this.complaints.push(`${text} ${message.location().url}`);
  }

  async goTo(hash: string): Promise<void> {
    // From an empty page, so that only what stands behind the # changing loads the app anew too.
    await this.page.goto("about:blank");
    await this.page.goto(hash.startsWith("http") ? hash : `${this.base}/${hash}`);
  }

  field(name: string): Locator {
    return this.page.locator(`[name="${name}"]`);
  }

  button(label: string | RegExp): Locator {
    return this.page.getByRole("button", { name: label, exact: typeof label === "string" }).first();
  }

  async fill(name: string, text: string): Promise<void> {
    this.actions += 1;
    await this.field(name).fill(text);
  }

  async click(target: Locator): Promise<void> {
    this.actions += 1;
    await target.click();
  }

  /** The form's button, the first where there are several. */
  async submit(): Promise<void> {
    await this.click(this.page.locator("button[type=submit]").first());
  }

  async press(key: string): Promise<void> {
    this.actions += 1;
    await this.page.keyboard.press(key);
  }

  /** Waits until the words stand on the screen. */
  async sees(words: string | RegExp): Promise<void> {
    await this.page.getByText(words).first().waitFor({ state: "visible" });
  }

  async readScreen(): Promise<string> {
    return await this.page.locator("body").innerText().catch((error: unknown) => String(error));
  }

  /** Opens the link, makes the account, saves the recovery key; ends where the chats are. */
  async signUp(link: string, password = "four random words here"): Promise<void> {
    await this.goTo(link);
    await this.fill("username", this.name);
    await this.fill("password", password);
    await this.submit();
    await this.saveRecoveryKey();
  }

  async saveRecoveryKey(): Promise<void> {
    const key = this.page.locator("[data-recovery-key]");
    await key.waitFor();
    this.recoveryKey = (await key.getAttribute("data-recovery-key")) ?? "";
    const download = this.page.waitForEvent("download");
    await this.click(this.page.locator("[data-save-key]"));
    const text = await readFile(await (await download).path(), "utf-8");
    if (!text.includes(this.recoveryKey)) throw new Error(`the saved file has no key: ${text}`);
    await this.atHome();
  }

  /** Logs in on this browser; ends at the question for the recovery key. */
  async logIn(user: string, password = "four random words here"): Promise<void> {
    await this.goTo("#/login");
    await this.fill("username", user);
    await this.fill("password", password);
    await this.submit();
  }

  async restore(recoveryKey: string): Promise<void> {
    await this.fill("recovery-key", recoveryKey);
    await this.submit();
    await this.atHome();
  }

  async atHome(): Promise<void> {
    await this.page.locator("[data-home]").waitFor();
  }

  /** The words of the interface in this person's language. */
  text(key: string, values: Readonly<Record<string, string>> = {}): string {
    const found = key.split(".").reduce<Texts | string | undefined>((texts, part) => (typeof texts === "object" ? texts[part] : undefined), TEXTS[this.language]);
    if (typeof found !== "string") throw new Error(`there is no text ${key}`);
    return found.replace(/\{\{(\w+)(?:,[^}]*)?\}\}/g, (_, name: string) => values[name] ?? "");
  }

  /** Presses the button with that text of the interface. */
  async pressButton(key: string, within: Locator | Page = this.page): Promise<void> {
    await this.click(within.getByRole("button", { name: this.text(key), exact: true }).first());
  }

  /** Opens the chat of that name from the list. */
  async openChat(name: string | RegExp): Promise<void> {
    await this.click(this.page.locator("[data-room]").filter({ hasText: name }).first());
  }

  /** Looks somebody up and opens the chat with them. */
  async startChat(words: string): Promise<void> {
    await this.pressButton("new_chat.title_people");
    const dialog = this.page.getByRole("dialog");
    this.actions += 1;
    await dialog.getByRole("textbox").fill(words);
    await this.click(dialog.getByRole("listitem").getByRole("button").filter({ hasText: words }).first());
    await this.composer().waitFor();
  }

  /** Makes a group with these people. */
  async startGroup(name: string, people: readonly string[]): Promise<void> {
    await this.pressButton("new_chat.title_people");
    const dialog = this.page.getByRole("dialog");
    await this.pressButton("new_chat.title_group", dialog);
    await dialog.getByLabel(this.text("new_chat.name"), { exact: true }).fill(name);
    for (const person of people) {
      await dialog.getByLabel(this.text("people.search")).fill(person);
      await this.click(dialog.getByRole("list", { name: this.text("people.found") }).getByRole("button").filter({ hasText: person }).first());
    }
    await this.pressButton("ui.create", dialog);
    await this.page.locator("main h1").filter({ hasText: name }).waitFor();
    await this.composer().waitFor();
  }

  composer(): Locator {
    return this.page.locator("main textarea");
  }

  /** The bubble, with all around it, of the newest message with these words. */
  message(words: string | RegExp): Locator {
    return this.page.locator("main [data-key]").filter({ hasText: words }).last();
  }

  /** Writes a message and sends it. */
  async write(text: string): Promise<void> {
    this.actions += 1;
    await this.composer().fill(text);
    await this.press("Enter");
  }

  /** Chooses from the menu of the newest message with these words. */
  async choose(words: string | RegExp, key: string): Promise<void> {
    await this.message(words).getByText(words).last().click({ button: "right" });
    await this.click(this.page.getByRole("menuitem", { name: this.text(key), exact: true }));
  }

  /** Waits until the newest message with these words has the ticks of this state. */
  async seesTicks(words: string | RegExp, ...states: readonly string[]): Promise<void> {
    const [first, ...others] = states.map((state) => this.message(words).getByText(this.text(`chat.status_${state}`)));
    if (first) await others.reduce((any, each) => any.or(each), first).first().waitFor({ state: "attached" });
  }

  /** Accepts the message request that is open. */
  async accept(): Promise<void> {
    await this.pressButton("invite.accept");
    await this.composer().waitFor();
  }
}
