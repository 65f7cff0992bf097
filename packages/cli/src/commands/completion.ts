// zhumq completion: a script that lets the shell complete commands and flags; yargs answers its questions.
import { single } from '../command-tree.js';
import { print } from '../output.js';

const SHELLS = ['bash', 'zsh'] as const;

const BASH = `# zhumq completion for bash: put   source <(zhumq completion bash)   into ~/.bashrc
_zhumq_completions() {
  local current="\${COMP_WORDS[COMP_CWORD]}" found
  found="$(zhumq --get-yargs-completions "\${COMP_WORDS[@]}" 2>/dev/null)"
  mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current")
  [ \${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _zhumq_completions zhumq`;

const ZSH = `#compdef zhumq
# zhumq completion for zsh: put   source <(zhumq completion zsh)   into ~/.zshrc, after compinit
_zhumq_completions() {
  local -a found
  found=("\${(@f)$(zhumq --get-yargs-completions "\${words[@]}" 2>/dev/null)}")
  _describe 'zhumq' found || _files
}
compdef _zhumq_completions zhumq`;

export const completionCommand = single({
  usage: 'completion [shell]',
  describe: 'Print a completion script for bash or zsh',
  positionals: {
    shell: { choices: SHELLS, describe: 'Which shell [the one in SHELL]' },
  },
  options: {},
  examples: [['completion bash >> ~/.bashrc', 'completes commands and flags in new shells']],
  run(flags) {
    const zsh = flags.shell === undefined && (process.env.SHELL ?? '').endsWith('zsh');
    print(flags.shell === 'zsh' || zsh ? ZSH : BASH);
    return Promise.resolve(0);
  },
});
