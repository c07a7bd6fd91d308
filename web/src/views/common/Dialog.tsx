import type { ReactNode } from "react";
import { Dialog as Radix } from "radix-ui";
import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import { classNames } from "./class_names";
import { IconButton } from "./IconButton";
import { useOpener } from "./use_opener";
import css from "./Dialog.module.css";

export interface DialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children?: ReactNode;
  /** Buttons, the main one last. */
  readonly footer?: ReactNode;
  readonly size?: "s" | "m" | "l";
}

export function Dialog({ open, onOpenChange, ...rest }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={css.overlay}><Content {...rest} /></Radix.Overlay>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Of its own, since it is there only while the dialog is open: it remembers where the focus was then. */
function Content({ title, description, children, footer, size = "m" }: Omit<DialogProps, "open" | "onOpenChange">) {
  const { t } = useTranslation();
  const giveFocusBack = useOpener();
  return (
    <Radix.Content className={classNames(css.dialog, css[size])} onCloseAutoFocus={giveFocusBack} {...(description ? {} : { "aria-describedby": undefined })}>
      <div className={css.top}>
        <Radix.Title className={css.title}>{title}</Radix.Title>
        <Radix.Close asChild><IconButton label={t("ui.close")} icon={X} /></Radix.Close>
      </div>
      {/* Reached by Tab only while it scrolls: Chromium makes scrollers focusable by itself. */}
      <div className={css.body}>
        {description && <Radix.Description asChild><div className={css.description}>{description}</div></Radix.Description>}
        {children}
      </div>
      {footer && <div className={css.footer}>{footer}</div>}
    </Radix.Content>
  );
}

export interface ConfirmDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly description: ReactNode;
  readonly confirm: string;
  readonly danger?: boolean;
  readonly onConfirm: () => void;
  readonly children?: ReactNode;
}

/** Asks once before something that cannot be undone, or that deserves a second thought. */
export function ConfirmDialog({ open, onOpenChange, title, description, confirm, danger, onConfirm, children }: ConfirmDialogProps) {
  const { t } = useTranslation();
  const accept = () => { onOpenChange(false); onConfirm(); };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      description={description}
      size="s"
      footer={<>
        <Button variant="quiet" onClick={() => onOpenChange(false)}>{t("ui.cancel")}</Button>
        <Button variant={danger ? "danger" : "primary"} onClick={accept}>{confirm}</Button>
      </>}
    >{children}</Dialog>
  );
}
