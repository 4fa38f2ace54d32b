import * as exceptions from './exceptions.js';

/** The class of ours that has a name, as failures of workflows and other processes tell it; undefined where none has. */
export function errorClassNamed(name: string): typeof exceptions.CCATDataOperationError | undefined {
  return Object.hasOwn(exceptions, name)
    ? (exceptions as unknown as Record<string, typeof exceptions.CCATDataOperationError>)[name]
    : undefined;
}
