using ILGPU;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// A main loop of products on tensor cores, by the type of the weights and what the GPU multiplies with. Kernels of products have it as
/// a type parameter; <see cref="TensorLoop"/> says which a launch takes.
/// </summary>
public interface ITensorLoop
{
    /// <summary>Rows of a block.</summary>
    int Rows { get; }

    /// <summary>Columns of a block, those of two products together.</summary>
    int Columns { get; }

    /// <summary>The block's part. All threads of a block call it together, and it is all that the kernel does on shared memory.</summary>
    /// <param name="product">What is multiplied, and where it goes.</param>
    /// <param name="x">The activations.</param>
    /// <param name="weight">The weights.</param>
    /// <param name="secondWeight">Of the second product; else the same.</param>
    /// <param name="first">The block's first row.</param>
    /// <param name="end">The end of the rows that it may take, of which it takes the first <see cref="Rows"/>.</param>
    /// <param name="block">Which columns: block · <see cref="Columns"/> over the number of products on.</param>
    void Run<TProduct>(TProduct product, ArrayView<float> x, DeviceWeight weight, DeviceWeight secondWeight, int first, int end, int block)
        where TProduct : struct, ITensorProduct;
}

/// <summary>A loop for weights without scales, which takes whatever lies in whole pieces of 16 bytes.</summary>
public interface IPlainTensorLoop : ITensorLoop
{
}
