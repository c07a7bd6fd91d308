import type { ReactNode } from "react";
import type { LucideIcon } from "lucide-react";
import css from "./EmptyState.module.css";

export function EmptyState({ icon: Icon, title, children, action }: { readonly icon?: LucideIcon; readonly title: string; readonly children?: ReactNode; readonly action?: ReactNode }) {
  return (
    <div className={css.empty}>
      {Icon && <span className={css.disc}><Icon size={30} aria-hidden="true" /></span>}
      <p className={css.title}>{title}</p>
      {children && <div className={css.text}>{children}</div>}
      {action}
    </div>
  );
}
