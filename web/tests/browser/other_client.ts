import assert from "node:assert/strict";
import { buildPicture } from "./picture.ts";
import { runStory } from "./story.ts";

/** Somebody of Zajil and somebody with another Matrix client: matrix-nio, on its own encryption. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  await stage.other("register omar");
  await anna.startChat("omar");
  await anna.write("Hello from the browser");
  await stage.other("accept");
  await stage.other("know @anna:localhost");
  await stage.other("read Hello from the browser");
  await stage.other("write مرحبا من عميل آخر");
  await anna.sees("مرحبا من عميل آخر");

  stage.say("editing");
  await stage.other("edit أهلا من عميل آخر");
  await anna.message("أهلا من عميل آخر").getByText(anna.text("chat.edited")).waitFor();
  await anna.choose("Hello from the browser", "chat.edit");
  await anna.write("Hello again from the browser");
  await stage.other("read * Hello again from the browser");

  stage.say("reacting");
  await stage.other("react 🕊️ Hello from the browser");
  await anna.message("Hello again").getByRole("button", { name: "🕊️" }).waitFor();
  await anna.message("أهلا من عميل آخر").getByText("أهلا").click({ button: "right" });
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("chat.react_with", { emoji: "❤️" }) }));
  await stage.other("see_reaction ❤️");

  stage.say("taking back");
  await stage.other("redact");
  await anna.sees(anna.text("chat.deleted"));
  await anna.write("a slip");
  await stage.other("read a slip");
  await anna.choose("a slip", "chat.delete");
  await anna.pressButton("delete.for_everyone");
  await stage.other("see_redaction a slip");

  stage.say("pictures");
  await anna.page.locator("[data-attach=media]").setInputFiles({ name: "pigeon.png", mimeType: "image/png", buffer: buildPicture(320, 240, "at home") });
  await anna.pressButton("media.send", anna.page.getByRole("dialog"));
  const head = await stage.other("see_picture");
  // Whatever the client made of it, it is a picture and not ciphertext: PNG, WebP or JPEG.
  assert.match(head, /^(89504e47|52494646|ffd8ff)/);
  const before = await anna.page.locator("main img[src^='blob:']").count();
  await stage.other("send_picture from-omar.png");
  await anna.page.locator("main img[src^='blob:']").nth(before).waitFor();
});
