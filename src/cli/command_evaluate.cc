#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "core/hash.h"
#include "equibolt/error.h"
#include "runs/evaluation.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

std::filesystem::path temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw IoError("{}: cannot be made: {}", name, std::strerror(errno));
  return name;
}

/// The folder with what an evaluation is made from. `output` is kept. Without one, a run keeps it until the
/// evaluation is done, so that the same command resumes, under a name of its own for each request; and a
/// model has a temporary folder.
class Workplace {
 public:
  Workplace(const std::string& source, const std::string& output, const Session& session,
            const Configurations<double>& test)
      : keep_(!output.empty()) {
    if (keep_) {
      folder_ = output;
    } else if (std::filesystem::is_directory(source)) {
      const std::string config = config_text(session.config(), true);
      const std::uint64_t request =
          content_hash(std::span<const char>(config), content_hash(std::span<const double>(test.values())));
      folder_ = std::filesystem::path(source) / "evaluations" / fmt::format("{:016x}", request);
      in_run_ = true;
    } else {
      folder_ = temporary_folder();
    }
    create_folder(folder_);
  }
  ~Workplace() {
    std::error_code ignored;
    if (!keep_ && (done_ || !in_run_)) std::filesystem::remove_all(folder_, ignored);
    if (!keep_ && in_run_) std::filesystem::remove(folder_.parent_path(), ignored);  // if it is empty
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::filesystem::path file(const char* name) const { return folder_ / name; }

  bool resumes() const { return keep_ || in_run_; }

  void finish(const Evaluation& evaluation) {
    done_ = true;
    if (keep_) write_json(file("evaluation.json"), evaluation);
  }

 private:
  std::filesystem::path folder_;
  bool keep_ = false;
  bool in_run_ = false;
  bool done_ = false;
};

}  // namespace

void add_evaluate(CLI::App& app) {
  struct Options {
    std::string source;
    std::string data;
    std::vector<std::string> overrides;
    std::size_t count = 0;
    bool json = false;
    std::string output;
    bool quiet = false;
    double max_hours = 0;
  };
  auto* command =
      app.add_subcommand("evaluate", "Measure how good a Boltzmann generator is; the same command resumes");
  const auto options = std::make_shared<Options>();
  command->add_option("RUN|MODEL", options->source, "A run's folder or a model file")->required();
  command->add_option("--data", options->data,
                      "Held-out configurations (.npy or .npz); default: the run's own test data");
  command->add_option("-n,--samples", options->count, "Samples to draw; default: evaluate.samples")
      ->check(positive_count());
  command->add_option("-o,--output", options->output,
                      "A folder that keeps samples, densities and evaluation.json; a model's evaluation "
                      "resumes only with one");
  add_set(*command, options->overrides);
  command->add_flag("--json", options->json, "Print JSON instead of a table");
  add_quiet(*command, options->quiet);
  add_max_hours(*command, options->max_hours);
  command->callback([options] {
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    if (options->count > 0) {
      options->overrides.push_back(fmt::format("evaluate.samples={}", options->count));
    }
    Session session = Session::open(options->source, options->overrides);
    const Configurations<double> test = test_data_of(options->source, options->data, session);
    Workplace workplace(options->source, options->output, session, test);
    const EvaluationFiles files{workplace.file("samples.npz"), workplace.file("test_densities.npz")};
    if (!workplace.resumes()) reporter.say("a model's evaluation resumes only with --output");
    const Evaluation evaluation = evaluate_in_files(session, test.view(), files, stop_requested, reporter);
    workplace.finish(evaluation);
    fmt::print("{}", options->json ? evaluation.dump(1) + "\n" : evaluation_table(evaluation));
  });
}

}  // namespace equibolt
