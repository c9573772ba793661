"""The commands that tests/faults/campaign.py disturbs, small enough to be run hundreds of times. All are typed in a folder of
their own; each can be typed again after it was disturbed."""
import shlex


def sets(text):
    return [word for setting in text.split() for word in ("--set", setting)]


FLOW = "flow.steps=4 flow.divergence_nodes=4"
PARTICLES = sets("simulate.samples=4000 simulate.chains=8 simulate.burn_in=200 simulate.pilot=200 train.steps=300 train.minutes=0 "
                 "train.batch=32 train.log_every=50 train.checkpoint_every=100 evaluate.samples=2000 evaluate.test_samples=500 "
                 "network.hidden=8 network.layers=2 finetune.steps=20 finetune.batch=4 finetune.flow_steps=2 "
                 "finetune.log_every=5 finetune.checkpoint_every=10 finetune.validation_batches=1 checkpoint_seconds=0.05 "
                 f"threads=1 {FLOW}")
MOLECULE = sets("simulate.samples=400 simulate.chains=4 simulate.rungs=2 simulate.burn_in=10 simulate.pilot=100 "
                "simulate.leapfrog_steps=3 umbrella.windows=4 umbrella.stiffness=10 umbrella.relax_steps=20 umbrella.record_every=5 "
                "umbrella.steps=400 umbrella.discard=0.05 relax.steps=20 train.steps=30 train.batch=8 train.log_every=10 "
                "train.checkpoint_every=10 network.hidden=8 network.layers=1 finetune.steps=10 finetune.batch=2 "
                "finetune.flow_steps=2 finetune.log_every=5 finetune.checkpoint_every=5 finetune.validation_batches=1 "
                "evaluate.samples=20 evaluate.test_samples=10 "
                f"checkpoint_seconds=0.05 threads=1 {FLOW}")
SURROGATE = sets("system.solvent= umbrella.windows=4 umbrella.stiffness=5 umbrella.relax_steps=20 umbrella.record_every=6 "
                 "surrogate.leapfrog_steps=3 surrogate.samples=40 surrogate.rounds=2 checkpoint_seconds=0.05 threads=1")

PIPELINES = {
    "particles": {
        "simulate": ["simulate", "dw4", "-o", "run", *PARTICLES],
        "run": ["run", "dw4", "-o", "run", *PARTICLES],
        "sample": ["sample", "run", "-n", "8000", "-o", "samples.npz", *sets("checkpoint_seconds=0.05")],
        "evaluate": ["evaluate", "run", "-n", "8000", "-o", "evaluation", *sets("checkpoint_seconds=0.05")],
    },
    "molecule": {
        "simulate": ["simulate", "alanine_dipeptide-classical", "-o", "simulation", *MOLECULE],
        "relax": ["relax", "alanine_dipeptide-classical", "--data", "simulation/data/train.npz", "-n", "60", "-o",
                  "relaxed.npz", *MOLECULE],
        "umbrella": ["umbrella", "alanine_dipeptide-classical", "--data", "simulation/data/train.npz", "-o", "umbrella",
                     *MOLECULE],
        "run": ["run", "alanine_dipeptide-classical", "-o", "run", *MOLECULE, *sets("data.train=relaxed.npz")],
    },
    "surrogate": {
        "surrogate": ["surrogate", "alanine_dipeptide", "-o", "surrogate.npz", *SURROGATE],
    },
}


def text_of(command):
    return shlex.join(["equibolt", *command])
