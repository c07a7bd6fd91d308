import { Popover } from "radix-ui";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Waiting } from "../common/Waiting";
import css from "./EmojiPopover.module.css";

const EmojiPicker = lazy(() => import("./EmojiPicker"));

/** The emoji picker in a bubble beside its button. It stays open, so that several can be put in. */
export function EmojiPopover({ trigger, onPick }: { readonly trigger: ReactNode; readonly onPick: (emoji: string) => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content side="top" align="end" collisionPadding={8} className={css.bubble} aria-label={t("emoji.title")} onCloseAutoFocus={(event) => event.preventDefault()}>
          <Suspense fallback={<Waiting sentence={t("emoji.loading")} />}><EmojiPicker onPick={onPick} /></Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
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
