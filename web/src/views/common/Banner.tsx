import type { ReactNode } from "react";
import { CircleCheck, Info, TriangleAlert, type LucideIcon } from "lucide-react";
import { classNames } from "./class_names";
import css from "./Banner.module.css";

export interface BannerProps {
  readonly tone?: "info" | "warn" | "danger" | "ok";
  readonly icon?: LucideIcon;
  readonly children: ReactNode;
  /** A link or button at the end. */
  readonly action?: ReactNode;
  /** Read aloud when it appears. */
  readonly announce?: boolean;
  readonly rounded?: boolean;
}

export function Banner({ tone = "info", icon, children, action, announce, rounded }: BannerProps) {
  const Icon = icon ?? (tone === "info" ? Info : tone === "ok" ? CircleCheck : TriangleAlert);
  return (
    <div className={classNames(css.banner, css[tone], rounded && css.rounded)} role={announce ? (tone === "danger" ? "alert" : "status") : undefined}>
      <Icon size={18} aria-hidden="true" className={css.icon} />
      <div className={css.text}>{children}</div>
      {action}
    </div>
  );
}
