#include "report/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "equibolt/error.h"
#include "io/atomic_file.h"

extern char** environ;

namespace equibolt {
namespace {

// Colours that can be told apart by the colour-blind (Okabe and Ito).
// Behind a point with an error bar gnuplot 5.4 paints a disc in white, of the terminal's choice of size where
// pointintervalbox is 0.
constexpr const char* kStyle = R"(set terminal svg size 560,350 font "sans-serif,13"
set encoding utf8
set border 3 lw 1
set tics nomirror out
set key above right samplen 2 spacing 1.1
set linetype 1 lc rgb "#0072b2" lw 2
set linetype 2 lc rgb "#d55e00" lw 2
set linetype 3 lc rgb "#009e73" lw 2
set linetype 4 lc rgb "#cc79a7" lw 2
set linetype 5 lc rgb "#e69f00" lw 2
set pointintervalbox 0.001
set datafile missing "?"
)";

/// Runs gnuplot with the arguments in the folder; its exit code, 127 where there is none to run. What it says
/// goes to `said`.
int run_gnuplot(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                const std::filesystem::path& said) {
  std::vector<char*> argv;
  std::vector<std::string> words{"gnuplot"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return 127;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string data_text(const Plot& plot) {
  std::string text = fmt::format("# {}", fmt::join(plot.columns, "  "));
  std::ranges::replace(text, '\n', ' ');
  text += '\n';
  for (const std::vector<double>& row : plot.rows) {
    for (const double value : row) text += std::isfinite(value) ? fmt::format("{:.9g} ", value) : "? ";
    text += '\n';
  }
  return text;
}

/// The commands with the name of the file for each DATA that is not in a string.
std::string with_data(const std::string& commands, const std::string& file) {
  std::string text;
  char quote = 0;
  for (std::size_t at = 0; at < commands.size(); ++at) {
    const char c = commands[at];
    if (quote == 0 && commands.compare(at, 4, "DATA") == 0) {
      text += gnuplot_text(file);
      at += 3;
      continue;
    }
    if (quote != 0 ? c == quote : c == '"' || c == '\'') quote = quote == 0 ? c : char{0};
    text += c;
  }
  return text;
}

}  // namespace

std::string gnuplot_text(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c == '\n' ? ' ' : c);
  return quoted + "'";
}

bool has_gnuplot() {
  return run_gnuplot({"--version"}, ".", "/dev/null") == 0;
}

std::string draw(const Plot& plot, const std::filesystem::path& folder) {
  const auto file = [&](const char* extension) { return plot.name + extension; };
  write_file(folder / file(".dat"), data_text(plot));
  write_file(folder / file(".gp"), fmt::format("{}set output \"{}\"\n{}", kStyle, file(".svg"),
                                               with_data(plot.commands, file(".dat"))));
  const std::filesystem::path log = folder / file(".log");
  const int code = run_gnuplot({file(".gp")}, folder, file(".log"));
  const std::string said = std::filesystem::exists(log) ? read_text_file(log) : "";
  if (code == 127) throw IoError("gnuplot cannot be run; on Debian it is in the package gnuplot-nox");
  if (code != 0) throw IoError("{}: gnuplot failed: {}", (folder / file(".gp")).string(), said);
  std::error_code stays;  // gnuplot has said nothing in it
  std::filesystem::remove(log, stays);
  return read_text_file(folder / file(".svg"));
}

}  // namespace equibolt
