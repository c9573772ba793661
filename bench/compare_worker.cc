// The contender `equibolt` of bench/compare: answers requests, one JSON object a line, until its input ends
// (bench/comparison/contenders.py has the protocol).
//
//     compare_worker THREADS
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/cases.h"
#include "bench/peak.h"
#include "core/stopwatch.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/spec/golden.h"
#include "equibolt/error.h"
#include "equibolt/version.h"
#include "io/npz.h"

namespace equibolt::bench {
namespace {

using Json = nlohmann::ordered_json;

/// A network with inputs, and all that its operations write.
class Task {
 public:
  Task(const std::string& path, Precision precision, std::size_t batch, ThreadPool& pool)
      : golden_(read_golden(path)), layout_(golden_.architecture) {
    const std::vector<double> weights = golden_.parameters("weight.");
    const std::vector<float> parameters(weights.begin(), weights.end());
    field_ = make_cpu_vector_field(golden_.architecture, parameters, pool, precision);
    const std::size_t n = golden_.architecture.particles(), dim = golden_.architecture.dim;
    batch = batch == 0 ? golden_.batch() : std::min(batch, golden_.batch());
    x_ = Configurations<float>(batch, n, dim);
    target_ = v_ = x_;
    fill("x", x_.values());
    fill("target", target_.values());
    t_.resize(batch);
    fill("t", t_);
    divergence_.resize(batch);
    gradient_.resize(layout_.size());
  }

  void run(const std::string& operation) {
    if (operation == "velocity") {
      field_->velocity(t_, x_, v_);
    } else if (operation == "loss_gradient") {
      loss_ = field_->loss_gradient(t_, x_, target_, gradient_);
    } else if (operation == "divergence") {
      field_->velocity_and_divergence(t_, x_, v_, divergence_);
    } else {
      throw UsageError("no operation '{}'", operation);
    }
  }

  void write(const std::string& operation, const std::string& path) const {
    Npz out;
    if (operation == "loss_gradient") {
      out.arrays["loss"] = Array::of(std::vector<double>{loss_});
      for (const auto& array : layout_.arrays()) {
        const auto* const first = gradient_.data() + array.offset;
        out.arrays["grad_loss." + array.name] = Array::of(std::vector<float>(first, first + array.size()));
      }
    } else {
      out.arrays["v"] = Array::of(v_.view());
      if (operation == "divergence") out.arrays["divergence"] = Array::of(divergence_);
    }
    write_npz(path, out);
  }

  Json work() const {
    const auto json = [](const Work& work) -> Json {
      return {{"written", work.written}, {"needed", work.needed}};
    };
    const Architecture& a = golden_.architecture;
    return {{"backend", field_->backend()},
            {"velocity", json(velocity_work(a))},
            {"loss_gradient", json(loss_gradient_work(a))},
            {"divergence", json(divergence_work(a))}};
  }

 private:
  void fill(const char* name, std::span<float> to) const {
    const std::vector<double> from = golden_.values(name);
    for (std::size_t k = 0; k < to.size(); ++k) to[k] = static_cast<float>(from.at(k));
  }

  Golden golden_;
  ParameterLayout layout_;
  std::unique_ptr<VectorField> field_;
  Configurations<float> x_, target_, v_;
  std::vector<float> t_, divergence_, gradient_;
  double loss_ = 0;
};

Json all_cases() {
  Json all = Json::array();
  for (const Case& c : cases()) {
    const Architecture& a = c.architecture;
    all.push_back({{"name", c.name},
                   {"types", a.types},
                   {"dim", a.dim},
                   {"hidden", a.hidden},
                   {"layers", a.layers},
                   {"type_features", a.type_features},
                   {"batch", c.batch},
                   {"divergence_batch", c.divergence_batch}});
  }
  return all;
}

Json peaks(std::size_t threads) {
  return {{"fp32_gflops", peak_fp32(threads)},
          {"bf16_gflops", peak_bf16(threads)},
          {"l1_gbytes", read_bandwidth(std::size_t{24} << 10)},
          {"l2_gbytes", read_bandwidth(std::size_t{384} << 10)},
          {"memory_gbytes", read_bandwidth(std::size_t{256} << 20)}};
}

/// Times of single calls for at least `seconds` in all.
std::vector<double> times_of(const std::function<void()>& call, double seconds) {
  std::vector<double> times;
  const Stopwatch all;
  do {
    const Stopwatch one;
    call();
    times.push_back(one.seconds());
  } while (all.seconds() < seconds);
  return times;
}

/// Precisions of each operation: the default first.
Json forms() {
  Json gradient = {"fp32"};
  if (has_bf16_gradients()) gradient.push_back("bf16");
  return {{"velocity", {"fp32"}}, {"loss_gradient", gradient}, {"divergence", {"fp32"}}};
}

class Worker {
 public:
  explicit Worker(std::size_t threads) : pool_(threads) {}

  Json answer(const Json& request) {
    const std::string what = request.at("do");
    if (what == "forms") return forms();
    if (what == "versions") return {{"equibolt", version()}};
    if (what == "cases") return {{"cases", all_cases()}};
    if (what == "peaks") return peaks(pool_.size());
    Task& task = task_of(request);
    if (what == "work") return task.work();
    const std::string operation = request.at("operation");
    if (what == "check") {
      task.run(operation);
      task.write(operation, request.at("output"));
      return Json::object();
    }
    if (what == "time") {
      task.run(operation);  // its memory is made at the first
      return {{"times", times_of([&] { task.run(operation); }, request.at("seconds"))}};
    }
    throw UsageError("no request '{}'", what);
  }

 private:
  Task& task_of(const Json& request) {
    const std::string network = request.at("network");
    const auto at = request.find("batch");  // null or absent: all that the file has
    const std::size_t batch = at == request.end() || at->is_null() ? 0 : at->get<std::size_t>();
    const std::string form = request.value("form", "fp32");
    if (form != "fp32" && form != "bf16") throw UsageError("no form '{}'", form);
    auto& task = tasks_[network + " " + form + " " + std::to_string(batch)];
    if (task == nullptr) {
      const Precision precision = form == "bf16" ? Precision::bf16 : Precision::fp32;
      task = std::make_unique<Task>(network, precision, batch, pool_);
    }
    return *task;
  }

  ThreadPool pool_;
  std::map<std::string, std::unique_ptr<Task>> tasks_;
};

}  // namespace
}  // namespace equibolt::bench

int main(int argc, char** argv) {
  const long threads = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (threads < 1) {
    std::cerr << "usage: compare_worker THREADS\n";
    return 2;
  }
  equibolt::bench::Worker worker(static_cast<std::size_t>(threads));
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::ordered_json answer;
    try {
      answer = worker.answer(nlohmann::ordered_json::parse(line));
    } catch (const std::exception& error) {
      answer = {{"error", error.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
}
