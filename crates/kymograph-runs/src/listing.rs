//! What can be read, by name and in one line each, for whoever lists it.

/// A name and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name as it is written on a command line or seen in a file name.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
}

/// The file formats that can be read.
pub fn formats() -> &'static [Listed] {
    &[
        Listed { name: "run folder", summary: "a run or experiment recorded by kymograph (run.json, experiment.json)" },
        Listed {
            name: ".pt .pth .bin .ckpt",
            summary: "PyTorch checkpoints: state dicts, plain or nested, of torch.save (zip or older stream); \
                      nothing in them is executed",
        },
        Listed { name: ".safetensors", summary: "safetensors checkpoints, read lazily" },
        Listed {
            name: ".index.json",
            summary: "a checkpoint in parts: model.safetensors.index.json (or .bin) beside the files it names",
        },
        Listed {
            name: ".npz",
            summary: "NumPy arrays by name as a checkpoint, stored or deflated; never pickled objects",
        },
        Listed { name: ".npy", summary: "one NumPy array, for measuring it directly or as a checkpoint of one tensor" },
        Listed {
            name: ".parquet",
            summary: "a table of numbers or of lists of one length, a row an example; one file or a folder of them",
        },
        Listed {
            name: ".csv .csv.gz",
            summary: "histories of other programs (metrics.csv, W&B's export) with a column of steps, and multiplication tables",
        },
        Listed { name: "IDX", summary: "images and labels as MNIST publishes them, plain or .gz" },
        Listed { name: "CIFAR-10 .bin", summary: "images and labels as CIFAR-10's binary version has them" },
    ]
}

/// The data sets that can be used.
pub fn datasets() -> &'static [Listed] {
    &[
        Listed {
            name: "mnist",
            summary: "handwritten digits, 28 × 28, 10 classes: 60,000 + 10,000 images from --data-dir",
        },
        Listed {
            name: "fashion-mnist",
            summary: "pictures of clothing in MNIST's format: 60,000 + 10,000 images from --data-dir; --set \
                      data=fashion-mnist",
        },
        Listed {
            name: "cifar-10",
            summary: "small colour photographs, 32 × 32, 10 classes: the binary batches from --data-dir",
        },
        Listed {
            name: "mnist-packed",
            summary: "the 10,000 images of MNIST's test split packed into the program, 8,000 for training and \
                      2,000 held out; used where no --data-dir is given",
        },
    ]
}
