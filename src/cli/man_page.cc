#include <fmt/format.h>

#include "cli/manual.h"
#include "equibolt/version.h"

namespace equibolt {
namespace {

/// Text that roff leaves as it is.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '-') out += '\\';
    out += c;
  }
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

std::string option_text(const CLI::Option& option) {
  const bool positional = option.get_positional();
  std::string name = positional ? option.get_name() : option.get_name(false, true);
  for (std::size_t comma = name.find(','); comma != std::string::npos; comma = name.find(',', comma + 2))
    name.replace(comma, 1, ", ");
  const bool has_value = !positional && option.get_items_expected_max() > 0;
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped(name),
                     has_value ? fmt::format(" \\fI{}\\fR", escaped(option.get_type_name())) : "",
                     escaped(option.get_description()));
}

}  // namespace

std::string man_page(const CLI::App& app) {
  std::string text = fmt::format(
      ".TH EQUIBOLT 1 \"\" \"equibolt {}\" \"User Commands\"\n"
      ".SH NAME\nequibolt \\- Boltzmann generators: from a target energy to reweighted equilibrium samples\n"
      ".SH SYNOPSIS\n.B equibolt\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n{}\n.SH OPTIONS\n",
      version(), escaped(app.get_description()));
  for (const CLI::Option* option : app.get_options()) text += option_text(*option);
  text += ".SH COMMANDS\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    text += fmt::format(".SS equibolt {}\n{}\n", command->get_name(), escaped(command->get_description()));
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_name() != "--help") text += option_text(*option);
    }
  }
  text +=
      ".SH EXIT STATUS\n"
      "0 done; 2 usage; 3 a file's content is not what it has to be; 4 input or output failed; 5 numerical "
      "failure or out of memory; 75 stopped on request with a checkpoint, and the same command goes on.\n"
      ".SH FILES\nA run is a folder, runs/NAME by default; the document file\\-formats.md describes its "
      "files.\n";
  return text;
}

}  // namespace equibolt
