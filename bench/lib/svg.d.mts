export interface Bar {
  label: string;
  value: number;
  goal: number;
  met: boolean;
}
export function barChart(chart: { title: string; subtitle: string; bars: readonly Bar[] }): string;
