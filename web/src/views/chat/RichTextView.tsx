import { Fragment, memo, useState, type ReactNode } from "react";
import { Check, Copy } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { RichNode, RichText } from "@/domain/rich_text";
import { announce } from "../common/LiveRegion";
import { useChatActions } from "./chat_actions";
import css from "./RichTextView.module.css";

/** Draws the tree of a message with elements of our own. Nothing in it can be markup, style or script. */
export const RichTextView = memo(function RichTextView({ rich }: { readonly rich: RichText }) {
  const only = rich.length === 1 ? rich[0] : undefined;
  // A lone paragraph flows, so that the time fits into its last line.
  return <>{drawAll(only?.type === "paragraph" ? only.children : rich)}</>;
});

function drawAll(rich: RichText): ReactNode {
  return rich.map((node, at) => <Fragment key={at}>{draw(node)}</Fragment>);
}

function draw(node: RichNode): ReactNode {
  switch (node.type) {
    case "text": return node.text;
    case "break": return <br />;
    case "bold": return <strong>{drawAll(node.children)}</strong>;
    case "italic": return <em>{drawAll(node.children)}</em>;
    case "strike": return <s>{drawAll(node.children)}</s>;
    case "underline": return <u>{drawAll(node.children)}</u>;
    case "quote": return <blockquote className={css.quote} dir="auto">{drawAll(node.children)}</blockquote>;
    case "spoiler": return <Spoiler>{drawAll(node.children)}</Spoiler>;
    case "paragraph": return <p className={css.paragraph} dir="auto">{drawAll(node.children)}</p>;
    case "heading": return <p className={css.heading} dir="auto">{drawAll(node.children)}</p>;
    case "code": return <code className={css.code} dir="auto">{node.text}</code>;
    case "code-block": return <CodeBlock language={node.language} text={node.text} />;
    case "list": return node.ordered
      ? <ol className={css.list} start={node.start} dir="auto">{drawItems(node.items)}</ol>
      : <ul className={css.list} dir="auto">{drawItems(node.items)}</ul>;
    case "link": return <a className={css.link} href={node.href} target="_blank" rel="noopener noreferrer nofollow" title={node.href}>{drawAll(node.children)}</a>;
    case "mention": return <Mention userId={node.userId} name={node.name} />;
    case "room-link": return <RoomLink target={node.target} name={node.name} />;
  }
}

function drawItems(items: readonly RichText[]): ReactNode {
  return items.map((item, at) => <li key={at}>{drawAll(item)}</li>);
}

function Mention({ userId, name }: { readonly userId: string; readonly name: string }) {
  const actions = useChatActions();
  return <button type="button" className={css.mention} onClick={() => actions.openPerson(userId)}><bdi>@{name.replace(/^@/, "")}</bdi></button>;
}

function RoomLink({ target, name }: { readonly target: string; readonly name: string }) {
  const actions = useChatActions();
  return <button type="button" className={css.mention} onClick={() => actions.openRoom(target)}><bdi>{name}</bdi></button>;
}

function Spoiler({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  if (shown) return <span className={css.shown}>{children}</span>;
  return <button type="button" className={css.hidden} onClick={() => setShown(true)} aria-label={t("chat.show_spoiler")}><span aria-hidden="true">{children}</span></button>;
}

function CodeBlock({ language, text }: { readonly language: string; readonly text: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => { setCopied(true); announce(t("chat.copied")); setTimeout(() => setCopied(false), 2000); });
  };
  return (
    <div className={css.block} dir="ltr">
      <div className={css.blockTop}>
        <span>{language || t("chat.code")}</span>
        <button type="button" className={css.copy} onClick={copy}>{copied ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}{copied ? t("chat.copied") : t("chat.copy")}</button>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolls sideways, so the keyboard must reach it */}
      <pre className={css.pre} tabIndex={0} aria-label={t("chat.code")}><code>{text}</code></pre>
    </div>
  );
}
