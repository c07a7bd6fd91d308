import assert from "node:assert/strict";
import { buildPicture } from "./picture.ts";
import { runStory } from "./story.ts";

/** Threads, pins, timers, silent and scheduled messages, agreeing, places, and going about by keys. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(`${stage.base}/#/register`);
  const badr = await stage.newPerson("badr", { language: "ar" });
  await badr.signUp(`${stage.base}/#/register`);
  await badr.startChat("anna");
  await badr.write("first words");
  await anna.openChat("badr");
  const joined = anna.text("notice.joined", { who: "" }).trim();
  await anna.page.evaluate((words) => {
    new MutationObserver(() => { if (document.querySelector("main")?.textContent.includes(words)) Object.assign(window, { joinedWasShown: true }); })
      .observe(document.body, { childList: true, subtree: true, characterData: true });
  }, joined);
  await anna.accept();
  await anna.sees("first words");

  stage.say("a new chat of two says that it is encrypted, and warns of nobody");
  await anna.sees(anna.text("notice.encryption"));
  await anna.page.waitForTimeout(300);
  assert.equal(await anna.page.getByText(joined).count(), 0);
  assert.equal(await anna.page.evaluate(() => "joinedWasShown" in window), false, "the steps of a chat's making were shown");
  assert.equal(await anna.page.locator("main .lucide-shield-alert").count(), 0);

  stage.say("a thread");
  await anna.choose("first words", "chat.reply_in_thread");
  const thread = anna.page.locator("aside");
  await thread.locator("textarea").fill("an answer in the thread");
  await anna.press("Enter");
  await badr.click(badr.message("first words").getByRole("button").filter({ hasText: badr.text("thread.answers_one") }));
  await badr.page.locator("aside").getByText("an answer in the thread").waitFor();
  assert.equal(await badr.page.locator("main [data-key]").filter({ hasText: "an answer in the thread" }).count(), 0);
  await badr.page.locator("aside textarea").fill("another one");
  await badr.press("Enter");
  await thread.getByText("another one").waitFor();
  await anna.pressButton("thread.close");
  await badr.page.locator("aside textarea").fill("news");
  await badr.press("Enter");
  await anna.message("first words").getByText(anna.text("thread.unread_one", { count: "1" })).waitFor();

  stage.say("pins and agreeing");
  await badr.choose("first words", "chat.pin");
  await anna.page.locator("main button").filter({ hasText: anna.text("pinned.one") }).waitFor();
  await anna.choose("first words", "chat.agree");
  await badr.message("first words").getByRole("button", { name: "👍" }).waitFor();
  await badr.pressButton("thread.close");
  await badr.choose("first words", "chat.details");
  await badr.page.getByRole("dialog").getByText(badr.text("details.agreed")).waitFor();
  await badr.press("Escape");

  stage.say("starred, and found again from the list");
  await anna.choose("first words", "chat.star");
  await anna.message("first words").locator(".lucide-star").first().waitFor();
  await anna.click(anna.page.getByRole("navigation").getByRole("button", { name: anna.text("chats.my_account", { name: "anna" }) }));
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("info.starred") }));
  const starred = anna.page.getByRole("dialog").locator("[data-kept]").filter({ hasText: "first words" }).filter({ hasText: "badr" });
  await anna.click(starred);
  await starred.waitFor({ state: "detached" });
  await anna.message("first words").waitFor();

  stage.say("marked words, silently, later");
  await anna.composer().fill("bold words");
  await anna.composer().selectText();
  await anna.pressButton("format.bold");
  assert.equal(await anna.composer().inputValue(), "**bold words**");
  await anna.page.getByRole("button", { name: anna.text("composer.send"), exact: true }).click({ button: "right" });
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("composer.send_silently") }));
  await badr.page.locator("main strong").filter({ hasText: "bold words" }).waitFor();
  await anna.composer().fill("for tomorrow");
  await anna.page.getByRole("button", { name: anna.text("composer.send"), exact: true }).click({ button: "right" });
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("composer.send_later") }));
  await anna.pressButton("schedule.confirm", anna.page.getByRole("dialog"));
  await anna.page.getByRole("button", { name: anna.text("schedule.waiting_one", { count: "1" }) }).waitFor();
  await anna.page.waitForTimeout(200);
  await anna.page.reload();
  await anna.openChat("badr");
  assert.equal(await anna.page.locator("nav [data-room]").getByText(anna.text("chats.no_messages")).count(), 0);
  await anna.click(anna.page.getByRole("button", { name: anna.text("schedule.waiting_one", { count: "1" }) }));
  await anna.pressButton("schedule.now", anna.page.getByRole("dialog"));
  await badr.sees("for tomorrow");
  await anna.press("Escape");

  stage.say("a sticker, made from a photo, sent encrypted, kept and sent back");
  await anna.pressButton("composer.emoji");
  await anna.click(anna.page.getByRole("tab", { name: anna.text("stickers.title") }));
  await anna.pressButton("stickers.make");
  const maker = anna.page.getByRole("dialog", { name: anna.text("stickers.title") });
  await maker.locator("input[type=file]").setInputFiles({ name: "holiday.png", mimeType: "image/png", buffer: buildPicture(900, 600, "SECRET-place") });
  await maker.getByLabel(anna.text("stickers.name"), { exact: true }).fill("A dove");
  await anna.pressButton("stickers.add", maker);
  await maker.getByRole("listitem").filter({ hasText: "A dove" }).waitFor();
  await anna.pressButton("stickers.done", maker);
  await anna.pressButton("composer.emoji");
  await anna.click(anna.page.getByRole("button", { name: anna.text("media.sticker", { name: "A dove" }) }));
  const received = badr.page.locator("main").getByRole("img", { name: badr.text("media.sticker", { name: "A dove" }) });
  await received.first().waitFor();
  await received.first().click({ button: "right" });
  await badr.click(badr.page.getByRole("menuitem", { name: badr.text("stickers.keep") }));
  await badr.page.getByText(badr.text("stickers.kept")).first().waitFor();
  await badr.pressButton("composer.emoji");
  await badr.click(badr.page.getByRole("tab", { name: badr.text("stickers.title") }));
  await badr.click(badr.page.getByRole("tabpanel").getByRole("button", { name: badr.text("media.sticker", { name: "A dove" }) }));
  await anna.page.locator("main").getByRole("img", { name: anna.text("media.sticker", { name: "A dove" }) }).nth(1).waitFor();

  stage.say("a timer");
  await anna.pressButton("ui.more", anna.page.locator("main header"));
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("disappear.title") }));
  // By key: a pointer that jumps into a submenu leaves the way to it, which closes it.
  await anna.page.getByRole("menuitemcheckbox").nth(1).press("Enter");
  await badr.page.locator("main header .lucide-timer").waitFor();
  await anna.write("gone in half a minute");
  await badr.message("gone in half a minute").locator(".lucide-timer").waitFor();

  stage.say("a place");
  await anna.context.grantPermissions(["geolocation"], { origin: stage.base });
  await anna.context.setGeolocation({ latitude: 33.5138, longitude: 36.2765, accuracy: 25 });
  await anna.pressButton("composer.attach");
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("composer.attach_location") }));
  await anna.pressButton("location.here", anna.page.getByRole("dialog"));
  await anna.click(anna.page.getByRole("dialog").getByRole("button", { name: anna.text("composer.send") }));
  assert.equal(await badr.page.locator("main a[href^='geo:']").first().getAttribute("href"), "geo:33.5138,36.2765;u=25");

  stage.say("by keys");
  await badr.press("Control+k");
  await badr.page.getByRole("combobox").fill("ann");
  await badr.page.getByRole("option").first().waitFor();
  await badr.press("Enter");
  await badr.page.getByRole("dialog").waitFor({ state: "detached" });
  await badr.message("first words").focus();
  await badr.press("?");
  await badr.sees(badr.text("keys.title"));
  await badr.press("Escape");
  await badr.page.getByText("gone in half a minute").first().waitFor({ state: "detached", timeout: 60_000 });
});
