import type { DirectoryLink } from './directory-link.ts';
import type { Answers } from './double.ts';
import type { HashedFile } from './files.ts';

/** What a double does at the directory as any peer does. @param look reads its folder again */
export function manners(
  directory: DirectoryLink,
  look: () => Promise<HashedFile[]>,
): Pick<Answers, 'login' | 'index' | 'search' | 'loadfiles' | 'logout'> {
  return {
    login: async () => ({ leaseSeconds: (await directory.login(await look())).leaseSeconds }),
    index: () => directory.index(),
    search: ({ name, sha256 }) => directory.search(sha256 ? { sha256 } : { name: name ?? '*' }),
    loadfiles: async () => {
      const files = await look();
      await directory.publish(files);
      return { files: files.length };
    },
    logout: async () => {
      await directory.logout();
      return {};
    },
  };
}
