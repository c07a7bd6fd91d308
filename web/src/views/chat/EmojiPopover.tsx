import { Popover, Tabs } from "radix-ui";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { StickerImage } from "@/domain/stickers";
import { Waiting } from "../common/Waiting";
import css from "./EmojiPopover.module.css";

const EmojiPicker = lazy(() => import("./EmojiPicker"));
const StickerPicker = lazy(() => import("../stickers/StickerPicker"));
const StickerManager = lazy(() => import("../stickers/StickerManager"));

/** The chat whose stickers are offered beside the emojis. */
export interface StickerChoice {
  readonly roomId: string;
  readonly onPick: (sticker: StickerImage) => void;
}

interface EmojiPopoverProps {
  readonly trigger: ReactNode;
  readonly onPick: (emoji: string) => void;
  readonly stickers?: StickerChoice | undefined;
}

/** The emoji picker in a bubble beside its button, and the stickers. It stays open for emojis, so that several can be put in. */
export function EmojiPopover({ trigger, onPick, stickers }: EmojiPopoverProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [managing, setManaging] = useState(false);
  const emojis = <Suspense fallback={<Waiting sentence={t("emoji.loading")} />}><EmojiPicker onPick={onPick} /></Suspense>;
  return <>
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content side="top" align="end" collisionPadding={8} className={css.bubble} aria-label={stickers ? t("stickers.or_emoji") : t("emoji.title")} onCloseAutoFocus={(event) => event.preventDefault()}>
          {stickers ? <WithStickers emojis={emojis} choice={stickers} onClose={() => setOpen(false)} onManage={() => { setOpen(false); setManaging(true); }} /> : emojis}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
    {managing && stickers && <Suspense fallback={null}><StickerManager roomId={stickers.roomId} onClose={() => setManaging(false)} /></Suspense>}
  </>;
}

const tabs = ["emoji", "stickers"] as const;
type Tab = (typeof tabs)[number];
/** Who sends stickers sends more of them. */
let lastTab: Tab = "emoji";

function WithStickers({ emojis, choice, onClose, onManage }: { readonly emojis: ReactNode; readonly choice: StickerChoice; readonly onClose: () => void; readonly onManage: () => void }) {
  const { t } = useTranslation();
  const [tab, setTab] = useState(lastTab);
  const show = (value: string): void => {
    lastTab = tabs.find((each) => each === value) ?? "emoji";
    setTab(lastTab);
  };
  return (
    <Tabs.Root value={tab} onValueChange={show} className={css.tabs}>
      <Tabs.Content value="emoji" className={css.panel} tabIndex={-1}>{emojis}</Tabs.Content>
      <Tabs.Content value="stickers" className={css.panel} tabIndex={-1}>
        <Suspense fallback={<Waiting sentence={t("stickers.loading")} />}><StickerPicker roomId={choice.roomId} onPick={(sticker) => { choice.onPick(sticker); onClose(); }} onManage={onManage} /></Suspense>
      </Tabs.Content>
      <Tabs.List aria-label={t("stickers.or_emoji")} className={css.tabList}>
        {tabs.map((value) => <Tabs.Trigger key={value} value={value} className={css.tab}>{t(value === "emoji" ? "emoji.title" : "stickers.title")}</Tabs.Trigger>)}
      </Tabs.List>
    </Tabs.Root>
  );
}

/** The same beside an element that is already there: for the full choice of reactions. */
export function EmojiPopoverAt({ anchor, onPick, onClose }: { readonly anchor: Element; readonly onPick: (emoji: string) => void; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Popover.Root open onOpenChange={(open) => { if (!open) onClose(); }}>
      <Popover.Anchor virtualRef={{ current: anchor }} />
      <Popover.Portal>
        <Popover.Content collisionPadding={8} className={css.bubble} aria-label={t("chat.react")}>
          <Suspense fallback={<Waiting sentence={t("emoji.loading")} />}><EmojiPicker onPick={(emoji) => { onPick(emoji); onClose(); }} /></Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
