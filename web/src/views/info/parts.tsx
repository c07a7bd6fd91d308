import type { ReactNode } from "react";
import { ArrowLeft, ChevronRight, X, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { classNames } from "../common/class_names";
import { IconButton } from "../common/IconButton";
import { usePanes } from "../layout/use_width";
import css from "./info.module.css";

/** A page of the pane: its bar, and what scrolls below it. */
export function InfoPage({ title, onBack, onClose, children, fills }: { readonly title: string; readonly onBack?: (() => void) | undefined; readonly onClose?: (() => void) | undefined; readonly children: ReactNode; readonly fills?: boolean }) {
  const { t } = useTranslation();
  // Alone on the screen of a telephone it is the page itself.
  const isAlone = usePanes() === 1;
  const Heading = isAlone ? "h1" : "h2";
  return (
    <section className={css.page} data-info-page>
      <div className={css.bar}>
        {onBack && <IconButton label={t("ui.back")} icon={ArrowLeft} mirrored onClick={onBack} />}
        <Heading className={css.pageTitle} dir="auto">{title}</Heading>
        {onClose && <IconButton label={t("ui.close")} icon={X} onClick={onClose} />}
      </div>
      <div className={fills ? css.filling : css.content}>{children}</div>
    </section>
  );
}

export function InfoSection({ title, children }: { readonly title?: string | undefined; readonly children: ReactNode }) {
  const Heading = usePanes() === 1 ? "h2" : "h3";
  return (
    <div className={css.section}>
      {title && <Heading className={css.heading}>{title}</Heading>}
      {children}
    </div>
  );
}

export interface InfoRowProps {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly value?: ReactNode;
  readonly danger?: boolean;
  readonly mirrored?: boolean;
  /** Leads to another page: drawn with an arrow. */
  readonly leads?: boolean;
  readonly onClick: () => void;
  readonly name?: string;
}

/** Something to do, or a page to open. */
export function InfoRow({ icon: Icon, label, value, danger, mirrored, leads, onClick, name }: InfoRowProps) {
  return (
    <button type="button" className={classNames(css.row, danger && css.danger)} onClick={onClick} data-info={name}>
      <Icon size={20} aria-hidden="true" className={mirrored ? "mirrored" : undefined} />
      <span className={css.rowLabel}>{label}</span>
      {value !== undefined && <span className={css.rowValue}>{value}</span>}
      {leads && <ChevronRight size={18} aria-hidden="true" className="mirrored" />}
    </button>
  );
}
