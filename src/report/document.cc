#include "report/document.h"

#include <fmt/format.h>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/output_lock.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Throws UsageError unless the file is of such a document.
void require_same(const fs::path& file, const std::string& name, const Json& asked, const fs::path& output) {
  Json there;
  if (fs::is_regular_file(file)) there = Json::parse(read_text_file(file), nullptr, false);
  // Defaults are filled in from the inputs, so that only what was asked for is compared.
  if (there.is_object() && there.contains("asked") && there["asked"] == asked) return;
  throw UsageError("{}: is there already and not of this {}; remove it, or give another output",
                   output.string(), name);
}

void require_free_folder(const fs::path& folder, const std::string& name, const Json& asked) {
  if (folder.empty() || !fs::exists(folder)) return;
  if (!fs::is_directory(folder)) throw UsageError("{}: is not a folder", folder.string());
  if (fs::is_empty(folder)) return;
  require_same(folder / (name + ".json"), name, asked, folder);
}

void write_figures(const fs::path& folder, const Document& document) {
  FigurePage page(Page(document.title), folder);
  document.put(page);
  write_file(folder / "index.html", page.page().html());
}

}  // namespace

void DocumentOutput::require_free(const std::string& name, const Json& asked) const {
  if (!json.empty() && fs::exists(json)) require_same(json, name, asked, json);
  require_free_folder(csv, name, asked);
  require_free_folder(figures, name, asked);
  if (!figures.empty() && !has_gnuplot())
    throw IoError("figures need gnuplot; on Debian it is in the package gnuplot-nox");
}

void DocumentOutput::write(const Document& document, Reporter& reporter) const {
  if (!json.empty()) {
    write_json(json, document.content);
    reporter.say("wrote {}", json.string());
  }
  for (const fs::path& folder : {csv, figures}) {
    if (folder.empty()) continue;
    create_folder(folder);
    const OutputLock lock = OutputLock::of_file(folder / (document.name + ".json"));
    write_json(folder / (document.name + ".json"), document.content);  // first: what follows is known as its
    if (folder == csv) {
      for (const auto& [name, text] : document.tables()) write_file(folder / name, text);
    }
    if (folder == figures) write_figures(folder, document);
    reporter.say("wrote {}", folder.string());
  }
}

}  // namespace equibolt
