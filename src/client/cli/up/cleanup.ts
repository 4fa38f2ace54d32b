import { shortMessage } from '../../errors.js';

/** What was begun and has to be ended, in the opposite order, whatever happens in between. */
export class Cleanup {
  private readonly steps: { what: string; end: () => Promise<void> }[] = [];

  constructor(private readonly report: (line: string) => void) {}

  add(what: string, end: () => Promise<void>): void {
    this.steps.push({ what, end });
  }

  /** Ends everything; a failure is told and does not keep the rest from ending. */
  async run(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step.end();
      } catch (error) {
        this.report(`could not end ${step.what}: ${shortMessage(error)}`);
      }
    }
  }
}
