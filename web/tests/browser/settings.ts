import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

const PASSWORD = "four random words here";
const NEW_PASSWORD = "five other quite random words";
const PIN = "2580";
const PANIC_PIN = "9999";

async function openPage(person: Person, page: string): Promise<void> {
  await person.page.evaluate((to) => { location.hash = `#/settings/${to}`; }, page);
  await person.page.locator(`[data-page="${page}"]`).waitFor();
}

async function confirmPassword(person: Person, confirm: string, password = PASSWORD): Promise<void> {
  const dialog = person.page.getByRole("dialog");
  await dialog.locator("[name=password]").fill(password);
  await dialog.getByRole("button", { name: confirm, exact: true }).click();
}

async function enterPin(person: Person, pin: string): Promise<void> {
  await person.fill("pin", pin);
  await person.submit();
}

/** One name in a ZIP file, read by Python: by somebody who did not write it. */
function readZip(path: string): { readonly names: readonly string[]; readonly broken: string | null; read(name: string): string } {
  const python = (code: string, ...values: string[]): string => execFileSync("python3", ["-c", code, path, ...values], { encoding: "utf-8" });
  const [names, broken] = JSON.parse(python("import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps([z.namelist(), z.testzip()]))")) as [string[], string | null];
  return { names, broken, read: (name) => python("import sys,zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))", name) };
}

/** What stands under Settings: one's name, devices, lock, data, and the end of the account. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.invitationLink());

  await openPage(anna, "profile");
  await anna.fill("display-name", "Anna أنّا");
  await anna.fill("status", "With the pigeons");
  await anna.submit();
  await anna.sees("Saved.");
  await anna.page.reload();
  await anna.page.locator('[data-page="profile"]').waitFor();
  await anna.page.locator('[name="display-name"][value="Anna أنّا"]').waitFor();
  await anna.page.locator('[name="status"][value="With the pigeons"]').waitFor();

  // A second device by a one-time code; the code works once.
  await openPage(anna, "sessions");
  await anna.click(anna.button("Show the code"));
  await confirmPassword(anna, "Show the code", "not this one");
  await anna.page.getByRole("dialog").getByRole("alert").waitFor();
  await confirmPassword(anna, "Show the code");
  const link = (await anna.page.locator("[data-login-link]").getAttribute("data-login-link")) ?? "";
  await anna.page.locator("[data-login-link] svg[role=img] path").waitFor();
  await anna.sees(/Valid for \d:\d\d/);
  const tablet = await stage.newPerson("tablet");
  await tablet.goTo(link);
  await tablet.sees("@anna:localhost");
  await tablet.submit();
  await tablet.restore(anna.recoveryKey);
  const thief = await stage.newPerson("thief");
  await thief.goTo(link);
  await thief.submit();
  await thief.page.getByRole("alert").waitFor();

  // That device is renamed and thrown out from here.
  await anna.click(anna.button("Done"));
  const end = anna.page.locator("[data-end]");
  await end.waitFor();
  await anna.click(anna.page.getByRole("button", { name: /^Rename / }).last());
  await anna.fill("device-name", "Tablet in the kitchen");
  await anna.page.getByRole("dialog").locator("button[type=submit]").click();
  await anna.page.getByRole("dialog").waitFor({ state: "hidden" });
  await anna.sees("Tablet in the kitchen");
  await anna.click(end);
  await confirmPassword(anna, "Log out");
  await anna.sees("You are signed in nowhere else.");
  await tablet.sees("This device was logged out");

  // Words of one's own, exported and read by somebody else's program.
  const badr = await stage.newPerson("badr");
  await badr.signUp(stage.invitationLink());
  await anna.page.evaluate(() => { location.hash = "#/user/@badr:localhost"; });
  await anna.page.locator("main textarea").waitFor();
  await anna.page.locator("textarea").first().fill("Grüße an alle <b>حمام</b>");
  await anna.page.locator("textarea").first().press("Enter");
  // Exported is what has come back from the server.
  await anna.seesTicks("Grüße an alle", "held", "delivered", "read");
  await openPage(anna, "export");
  const download = anna.page.waitForEvent("download");
  await anna.click(anna.button("Export"));
  const folder = await mkdtemp(join(tmpdir(), "zajil-export-"));
  try {
    const file = join(folder, "export.zip");
    await copyFile(await (await download).path(), file);
    const zip = readZip(file);
    assert.equal(zip.broken, null);
    assert.ok(zip.names.includes("index.html") && zip.names.includes("account.json"), zip.names.join());
    const account = JSON.parse(zip.read("account.json")) as { format: string; user_id: string };
    assert.deepEqual([account.format, account.user_id], ["org.zajil.export", "@anna:localhost"]);
    const events = zip.names.filter((name) => name.endsWith("events.jsonl")).map((name) => zip.read(name)).join("");
    assert.ok(events.includes("Grüße an alle <b>حمام</b>"), events.slice(0, 500));
    for (const line of events.trim().split("\n")) JSON.parse(line);
    const pages = zip.names.filter((name) => name.endsWith("chat.html")).map((name) => zip.read(name)).join("");
    assert.ok(pages.includes("Grüße an alle &lt;b&gt;حمام&lt;/b&gt;") && !pages.includes("<b>"), "the page shows words as words");
    assert.ok((await readFile(file)).length > 1_000);
  } finally {
    await rm(folder, { recursive: true });
  }

  // The lock covers everything, also after a reload; digits of the Arabic keyboard are the same PIN.
  await openPage(anna, "lock");
  await anna.click(anna.button("Set a PIN"));
  await anna.fill("new-pin", PIN);
  await anna.fill("new-pin-again", PIN);
  await anna.submit();
  await anna.sees("The PIN is set.");
  await anna.click(anna.button("Lock now"));
  await anna.page.locator("[data-locked]").waitFor();
  assert.ok(!(await anna.readScreen()).includes("Grüße"));
  await anna.page.reload();
  await anna.page.locator("[data-locked]").waitFor();
  await enterPin(anna, "1111");
  await anna.sees("Wrong PIN.");
  await enterPin(anna, "٢٥٨٠");
  await anna.page.locator('[data-page="lock"]').waitFor();

  // What the server answers about her, and a new password.
  await openPage(anna, "known");
  await anna.sees("What it cannot know");
  await anna.sees("Anna أنّا");
  await openPage(anna, "password");
  await anna.fill("current-password", PASSWORD);
  await anna.fill("password", NEW_PASSWORD);
  await anna.submit();
  await anna.sees("The new password is set.");

  // The panic PIN leaves nothing.
  await openPage(badr, "lock");
  await badr.click(badr.button("Set a PIN"));
  await badr.fill("new-pin", PIN);
  await badr.fill("new-pin-again", PIN);
  await badr.submit();
  await badr.click(badr.button("Set a panic PIN"));
  await enterPin(badr, PIN);
  await badr.fill("new-pin", PANIC_PIN);
  await badr.fill("new-pin-again", PANIC_PIN);
  await badr.submit();
  await badr.sees("The panic PIN is set.");
  await badr.page.reload();
  await enterPin(badr, PANIC_PIN);
  await badr.page.locator("[name=username]").waitFor();
  const left = await badr.page.evaluate(async () => [...(await indexedDB.databases()).map(({ name }) => name ?? ""), ...Object.keys(localStorage)]);
  assert.deepEqual(left.filter((name) => /badr|lock|wipe/.test(name)), []);

  // The end of an account.
  await openPage(anna, "delete");
  await anna.fill("delete-confirm", "@anna:localhost");
  await anna.click(anna.button("Delete my account"));
  await confirmPassword(anna, "Delete for good", NEW_PASSWORD);
  await anna.page.locator("[name=username]").waitFor();
  const gone = await stage.newPerson("anna-again");
  await gone.logIn("anna", NEW_PASSWORD);
  await gone.page.getByRole("alert").waitFor();
});
