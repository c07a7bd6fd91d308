import type { ReactNode } from "react";
import { Tabs as Radix } from "radix-ui";
import css from "./Tabs.module.css";

export interface Tab {
  readonly value: string;
  readonly label: string;
  readonly content: ReactNode;
}

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly value: string;
  readonly onValueChange: (value: string) => void;
}

export function Tabs({ label, tabs, value, onValueChange }: TabsProps) {
  return (
    <Radix.Root value={value} onValueChange={onValueChange} className={css.tabs}>
      <Radix.List aria-label={label} className={css.list} data-pushed>
        {tabs.map((tab) => <Radix.Trigger key={tab.value} value={tab.value} className={css.tab}>{tab.label}</Radix.Trigger>)}
      </Radix.List>
      {tabs.map((tab) => <Radix.Content key={tab.value} value={tab.value} className={css.content}>{tab.content}</Radix.Content>)}
    </Radix.Root>
  );
}
