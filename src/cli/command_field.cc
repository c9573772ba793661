#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "core/log.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/model_file.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/shipped_files.h"

namespace equibolt {

void add_field(CLI::App& app) {
  struct Options {
    std::string model;
    std::string input;
    std::string output;
  };
  auto* command = app.add_subcommand("field", "Evaluate a model's vector field and its exact divergence");
  const auto options = std::make_shared<Options>();
  command->add_option("MODEL", options->model, "A model file, or the name of a shipped network")->required();
  command->add_option("--input", options->input, "An .npz file with x (B, N, D) and t (B)")->required();
  command
      ->add_option("-o,--output", options->output, "The .npz file to write: v (B, N, D) and divergence (B)")
      ->required();
  command->callback([options] {
    const Model model = read_model(run_or_model_path(options->model));
    const Architecture& a = model.architecture;
    const Npz input = read_npz(options->input);
    const auto x = converted<float>(configurations_of(input["x"], a.particles(), a.dim).view());
    const std::vector<float> t = input["t"].as_float();
    if (t.size() != x.count()) {
      throw DataError("{}: expected t of shape ({}), one for each x, found {}", options->input, x.count(),
                      shape_text(input["t"].shape));
    }
    if (const auto bad = input["t"].first_not_finite()) {
      throw DataError("{}: t[{}] is not finite", options->input, *bad);
    }
    ThreadPool pool;
    const auto field = make_cpu_vector_field(a, model.parameters, pool);
    Configurations<float> v = x;
    std::vector<float> divergence(x.count());
    field->velocity_and_divergence(t, x, v, divergence);
    Npz output;
    output.arrays["v"] = Array::of(v.view());
    output.arrays["divergence"] = Array::of(divergence);
    write_npz(options->output, output);
    log_text("message",
             fmt::format("wrote v and divergence of {} configurations to {}", x.count(), options->output));
  });
}

}  // namespace equibolt
