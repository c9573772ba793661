#include "report/analysis_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "report/observable_figures.h"
#include "runs/analysis_json.h"
#include "runs/analysis_text.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kName = "analysis.json";

/// Throws UsageError unless the file is an analysis with the same request.
void require_same(const fs::path& file, const AnalysisRequest& request, const fs::path& output) {
  Json there;
  if (fs::is_regular_file(file)) there = Json::parse(read_text_file(file), nullptr, false);
  // Defaults are filled in from the inputs, so that only what was asked for is compared.
  if (there.is_object() && there.contains("asked") && there["asked"] == request_json(request)) return;
  throw UsageError("{}: is there already and not of this analysis; remove it, or give another output",
                   output.string());
}

void require_free_folder(const fs::path& folder, const AnalysisRequest& request) {
  if (folder.empty() || !fs::exists(folder)) return;
  if (!fs::is_directory(folder)) throw UsageError("{}: is not a folder", folder.string());
  if (fs::is_empty(folder)) return;
  require_same(folder / kName, request, folder);
}

void write_figures(const fs::path& folder, const Json& analysis) {
  FigurePage page(Page(fmt::format("Analysis of {}", fmt::join(analysis.at("asked").at("inputs"), ", "))),
                  folder);
  put_analysis(page, analysis);
  write_file(folder / "index.html", page.page().html());
}

}  // namespace

void AnalysisOutput::require_free(const AnalysisRequest& request) const {
  if (!json.empty() && fs::exists(json)) require_same(json, request, json);
  require_free_folder(csv, request);
  require_free_folder(figures, request);
}

void AnalysisOutput::write(const Json& analysis, Reporter& reporter) const {
  if (!json.empty()) {
    write_json(json, analysis);
    reporter.say("wrote {}", json.string());
  }
  for (const fs::path& folder : {csv, figures}) {
    if (folder.empty()) continue;
    create_folder(folder);
    write_json(folder / kName, analysis);  // first: what follows is then known as its
    if (folder == csv) {
      for (const auto& [name, text] : analysis_tables(analysis)) write_file(folder / name, text);
    }
    if (folder == figures) write_figures(folder, analysis);
    reporter.say("wrote {}", folder.string());
  }
}

}  // namespace equibolt
