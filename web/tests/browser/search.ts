import assert from "node:assert/strict";
import { runStory } from "./story.ts";

/** Finding things again: chats and messages from the list, and from match to match inside a chat, in Arabic spelt as it comes. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  const badr = await stage.newPerson("badr", { language: "ar" });
  await badr.signUp(stage.invitationLink());
  await badr.startChat("anna");
  await badr.page.getByRole("main", { name: /anna/ }).waitFor();
  await badr.write("القهوة عند أحمد في المدرسةِ القديمة");
  await anna.openChat("badr");
  await anna.accept();
  for (let number = 1; number <= 30; number += 1) await anna.write(number % 10 === 0 ? `coffee number ${number}` : `line ${number}`);
  await badr.sees("coffee number 30");

  stage.say("from the list");
  await badr.page.getByRole("searchbox").fill("احمد قهوه");
  const hit = badr.page.getByRole("region", { name: badr.text("search.messages") }).getByRole("button").first();
  await hit.waitFor();
  assert.deepEqual(await hit.locator("mark").allInnerTexts(), ["القهوة", "أحمد"]);
  await badr.click(hit);
  await badr.message("القهوة عند أحمد").waitFor();
  await badr.page.getByRole("searchbox").fill("anna");
  await badr.page.locator("[data-room]").filter({ hasText: "anna" }).first().waitFor();
  await badr.page.getByRole("searchbox").fill("");

  stage.say("inside a chat");
  await anna.pressButton("chat.search");
  const pane = anna.page.getByRole("search", { name: anna.text("search.title") });
  await pane.getByRole("searchbox").fill("coffee");
  await pane.getByRole("listitem").nth(2).waitFor();
  assert.equal(await pane.locator("[data-hit]").count(), 3);
  await pane.getByRole("searchbox").press("Enter");
  await pane.getByText(anna.text("search.place", { at: "1", count: "3" })).waitFor();
  await pane.getByRole("searchbox").press("Enter");
  await pane.getByText(anna.text("search.place", { at: "2", count: "3" })).waitFor();
  assert.equal(await pane.locator("[aria-current]").innerText().then((text) => /coffee number 20/.test(text)), true);
  await anna.pressButton("search.previous", pane);
  await pane.getByText(anna.text("search.place", { at: "1", count: "3" })).waitFor();

  stage.say("by whom, and after a new start");
  await anna.page.reload();
  await anna.atHome();
  await anna.openChat("badr");
  await anna.pressButton("chat.search");
  await pane.getByRole("searchbox").fill("مدرسه");
  await pane.locator("[data-hit]").first().waitFor();
  await anna.click(pane.getByText(anna.text("search.filters")));
  await pane.getByRole("combobox").selectOption({ label: "anna" });
  await pane.getByText(anna.text("search.nothing")).waitFor();
  await anna.pressButton("search.further", pane);
  await pane.getByText(anna.text("search.further_end")).waitFor();
  await pane.getByRole("combobox").selectOption({ label: "badr" });
  await pane.locator("[data-hit]").first().waitFor();
});
