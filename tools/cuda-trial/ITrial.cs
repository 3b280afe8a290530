using System;
using Sinter.Cuda;
using Sinter.Cuda.Driver;

namespace Sinter.CudaTrial;

/// <summary>Random inputs for a kernel, their launch, and how far its results are from those in double precision.</summary>
public interface ITrial
{
    /// <summary>What is calculated, in a few words.</summary>
    string Shape { get; }

    /// <summary>The largest error that counts as right, in the unit of <see cref="Error"/>.</summary>
    double Tolerance { get; }

    /// <summary>Operations of the results, a multiplication and an addition being two.</summary>
    double Operations { get; }

    /// <summary>The model's time for a device; null where the model does not cover the kernel.</summary>
    Prediction? Predict(Gpu gpu);

    /// <summary>Puts the inputs on the device; what is returned launches the kernel once.</summary>
    Action Prepare(CudaDevice device);

    /// <summary>The largest error among results that are looked at, after a launch.</summary>
    double Error(CudaDevice device);
}
