#pragma once

#include <CLI/CLI.hpp>

namespace equibolt {

// One function per command, in a file of its own: it adds the command with its flags to `app`.
void add_init(CLI::App& app);
void add_run(CLI::App& app);
void add_simulate(CLI::App& app);
void add_relax(CLI::App& app);
void add_sample(CLI::App& app);
void add_surrogate(CLI::App& app);
void add_umbrella(CLI::App& app);
void add_export(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_analyze(CLI::App& app);
void add_compare(CLI::App& app);
void add_report(CLI::App& app);
void add_densities(CLI::App& app);
void add_inspect(CLI::App& app);
void add_import(CLI::App& app);
void add_field(CLI::App& app);
void add_doctor(CLI::App& app);
void add_reference(CLI::App& app);
void add_transport(CLI::App& app);

}  // namespace equibolt
