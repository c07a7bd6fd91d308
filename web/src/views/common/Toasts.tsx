import { useEffect } from "react";
import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Store } from "@/domain/store";
import { Problem } from "@/domain/problem";
import { useReadable } from "../use_readable";
import { classNames } from "./class_names";
import { IconButton } from "./IconButton";
import css from "./Toasts.module.css";

export interface Toast {
  readonly text: string;
  readonly tone?: "plain" | "danger";
  readonly action?: { readonly label: string; readonly onSelect: () => void };
}

const shown_max = 3;
const shownFor_ms = 6_000;
const toasts = new Store<readonly (Toast & { readonly id: number })[]>([]);
let lastId = 0;

/** Shows a short sentence at the foot of the window for six seconds; read aloud by screen readers. */
export function showToast(toast: Toast): void {
  lastId += 1;
  const id = lastId;
  toasts.update((list) => [...list, { ...toast, id }].slice(-shown_max));
}

/** Says what went wrong and what to do next, in the person's language. */
export function useShowProblem(): (problem: unknown) => void {
  const { t } = useTranslation();
  return (problem) => {
    const code = problem instanceof Problem ? problem.code : "unknown";
    const values = problem instanceof Problem ? problem.values : {};
    showToast({ tone: "danger", text: `${t(`problem.${code}`, values)} ${t(`problem.${code}_next`, { ...values, defaultValue: "" })}`.trim() });
  };
}

function close(id: number): void {
  toasts.update((list) => list.filter((toast) => toast.id !== id));
}

export function Toasts() {
  const { t } = useTranslation();
  const list = useReadable(toasts);
  return (
    <div className={css.region} role="status" aria-live="polite" aria-label={t("ui.messages")}>
      {list.map((toast) => <OneToast key={toast.id} toast={toast} />)}
    </div>
  );
}

function OneToast({ toast }: { readonly toast: Toast & { readonly id: number } }) {
  const { t } = useTranslation();
  useEffect(() => {
    const timer = setTimeout(() => close(toast.id), shownFor_ms);
    return () => clearTimeout(timer);
  }, [toast.id]);
  return (
    <div className={classNames(css.toast, toast.tone === "danger" && css.danger)}>
      <span className={css.text}>{toast.text}</span>
      {toast.action && <button type="button" className={css.action} onClick={() => { close(toast.id); toast.action?.onSelect(); }}>{toast.action.label}</button>}
      <IconButton label={t("ui.close")} icon={X} iconSize={18} onClick={() => close(toast.id)} className={css.close} />
    </div>
  );
}
