using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Devices.Tests;
using Sinter.Models;
using Sinter.Models.Devices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Data;

namespace Sinter.Cuda.Tests.Models;

/// <summary>A test checkpoint on a GPU that is the stand-in driver: its kernels' PTX runs in the interpreter.</summary>
internal sealed class CudaCheckpoint : IDisposable
{
    private readonly Device _device;
    private readonly WeightTable _weights;
    private readonly ModelProgram _program;

    /// <param name="rounds">Whether products of many rows round their activations, for tensor cores.</param>
    public CudaCheckpoint(string name, StandInDriver? driver = null, bool rounds = false)
        : this(Repository.Checkpoint(name), DevicePrograms.Of(name), driver, rounds)
    {
    }

    public CudaCheckpoint(string folder, DeviceModel model, StandInDriver? driver = null, bool rounds = false)
    {
        Driver = driver ?? new StandInDriver();
        _device = Device.Open(new CudaContext(Driver.Export));
        _program = model.Program;
        Target = new DeviceTarget(_device, model.OnDevice) { RoundsActivations = rounds };
        _weights = WeightTable.Bind(_program.Description, Checkpoint.Open(folder));
    }

    /// <summary>The trained model, with the program and the kernels that a build made.</summary>
    public static DeviceModel Trained { get; } = new(new TinyTrainedProgram(), launcher => new TinyTrainedDeviceProgram(launcher));

    public StandInDriver Driver { get; }

    public DeviceTarget Target { get; }

    public ModelDescription Description => _program.Description;

    /// <summary>Kernels that no assembly had as PTX.</summary>
    public int Printed => ((CudaLauncher)Target.Launcher).Printed;

    public ModelSession Open(AttentionOrder order, int sequences = 1, int capacity = 64) => ModelSession.Open(
        _program, _weights, new SessionOptions { AttentionOrder = order, MaxTokensPerStep = 64, Capacity = capacity, MaxSequences = sequences, Target = Target });

    /// <summary>Appends tokens to a sequence; all their logits.</summary>
    public static double[] Forward(ModelSession session, int sequence, int[] tokens)
    {
        var logits = new float[tokens.Length * session.Description.VocabularySize];
        session.Forward([new SequenceTokens(sequence, tokens)], logits, LogitRows.All);
        return [.. logits.Select(number => (double)number)];
    }

    /// <summary>What was called of the driver while something ran.</summary>
    public List<string> CallsOf(Action action)
    {
        int before = Driver.Calls.Count;
        action();
        return Driver.Calls[before..];
    }

    public void Dispose()
    {
        _weights.Dispose();
        _device.Dispose();
    }
}
