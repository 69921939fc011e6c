// Files of users say `import … from 'sluice'` and `'zod'` wherever they lie, in a package that has them or not.
import { registerHooks } from 'node:module';

let hooked = false;

/**
 * From now on a file finds `sluice` and `zod` although no package around it has them. The first call in a thread holds.
 * @param library address of the module that `sluice` is
 * @param rule `always`: also where the file's own package has another; `missing`: only where there is none
 */
export function hookUserImports(library: string, rule: 'always' | 'missing'): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier !== 'sluice' && specifier !== 'zod') return next(specifier, context);
      if (specifier === 'sluice' && rule === 'always') return { url: library, shortCircuit: true };
      try {
        return next(specifier, context);
      } catch {
        return { url: specifier === 'sluice' ? library : import.meta.resolve('zod'), shortCircuit: true };
      }
    },
  });
}
