#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/manual.h"
#include "config/config_table.h"

namespace equibolt {
namespace {

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// Every config key of every system, once.
std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  for (const auto& [kind, spec] : system_kinds()) {
    RunConfig config;
    config.system = spec;
    for (const ConfigKey& key : config_table(config)) {
      if (std::find(keys.begin(), keys.end(), key.name) == keys.end()) keys.push_back(key.name);
    }
  }
  return keys;
}

/// The words that may stand where a command's first argument does, other than files.
std::vector<std::string> words_of(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    if (option->get_name() == "WHAT") return {"config", "man", "bash", "zsh"};
    if (option->get_description().find("preset") != std::string::npos) return preset_names();
  }
  return {};
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    names.push_back(command->get_name());
    cases += fmt::format("    {}) flags=\"{}\"; words=\"{}\" ;;\n", command->get_name(),
                         fmt::join(flags_of(*command), " "), fmt::join(words_of(*command), " "));
  }
  return fmt::format(R"(# bash completion of equibolt; made by: equibolt reference bash
_equibolt() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command= flags= words= skip= word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $word == = ]]; then  # of --log-format=json, which bash cuts in three
      continue
    elif [[ $skip ]]; then
      skip=
    elif [[ $word == --log-format ]]; then
      skip=value
    elif [[ $word != -* ]]; then
      command=$word
      break
    fi
  done
  case $command in
{}    *)
      if [[ $skip ]]; then
        COMPREPLY=($(compgen -W "text json" -- "$current"))
      else
        COMPREPLY=($(compgen -W "{} {}" -- "$current"))
      fi
      return ;;
  esac
  if [[ $previous == --set ]]; then
    compopt -o nospace
    COMPREPLY=($(compgen -S = -W "{}" -- "$current"))
  elif [[ $previous == --log-format ]]; then
    COMPREPLY=($(compgen -W "text json" -- "$current"))
  elif [[ $previous == --device ]]; then
    COMPREPLY=($(compgen -W "auto cpu cuda" -- "$current"))
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags --log-format" -- "$current"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
  fi
}}
complete -F _equibolt equibolt
)",
                     cases, fmt::join(names, " "), fmt::join(flags_of(app), " "),
                     fmt::join(config_keys(), " "));
}

std::string zsh_completion(const CLI::App& app) {
  const auto quoted = [](std::string text) {  // inside '…', where zsh's _describe splits at the first colon
    for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4)
      text.replace(at, 1, "'\\''");
    return text;
  };
  std::string commands, cases;
  for (const CLI::App* command : commands_of(app)) {
    commands += fmt::format("    '{}:{}'\n", command->get_name(), quoted(command->get_description()));
    cases += fmt::format("    {}) flags=({}); choices=({}) ;;\n", command->get_name(),
                         fmt::join(flags_of(*command), " "), fmt::join(words_of(*command), " "));
  }
  return fmt::format(R"(#compdef equibolt
# zsh completion of equibolt; made by: equibolt reference zsh
_equibolt() {{
  local -a commands flags choices keys
  commands=(
{}  )
  keys=({})
  if [[ $words[2] == --log-format && CURRENT -gt 3 ]]; then
    words=($words[1] ${{words[4,-1]}})
    (( CURRENT -= 2 ))
  fi
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- {}
    return
  fi
  case $words[2] in
{}  esac
  if [[ $words[CURRENT-1] == --set ]]; then
    compadd -S = -- $keys
  elif [[ $words[CURRENT-1] == --log-format ]]; then
    compadd text json
  elif [[ $words[CURRENT-1] == --device ]]; then
    compadd auto cpu cuda
  elif [[ $PREFIX == -* ]]; then
    compadd -- $flags --log-format
  else
    compadd -- $choices
    _files
  fi
}}
_equibolt "$@"
)",
                     commands, fmt::join(config_keys(), " "), fmt::join(flags_of(app), " "), cases);
}

}  // namespace equibolt
