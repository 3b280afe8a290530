using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Data;

namespace Sinter.Devices.Tests;

/// <summary>A checkpoint ready to run on the OpenCL device; kernels stay compiled for all tests of a checkpoint.</summary>
internal sealed class DeviceCheckpoint : IDisposable
{
    private static readonly Dictionary<string, DeviceTarget> s_targets = [];

    private readonly WeightTable _weights;
    private readonly ModelProgram _program;

    public DeviceCheckpoint(string name)
    {
        DeviceModel model = DevicePrograms.Of(name);
        _program = model.Program;
        lock (s_targets)
        {
            if (!s_targets.TryGetValue(name, out DeviceTarget? target)) s_targets.Add(name, target = new DeviceTarget(TestDevices.Open(DeviceKind.OpenCL), model.OnDevice));
            Target = target;
        }

        _weights = WeightTable.Bind(_program.Description, Checkpoint.Open(Repository.Checkpoint(name)));
    }

    public DeviceTarget Target { get; }

    public ModelDescription Description => _program.Description;

    public ModelSession Open(AttentionOrder order = AttentionOrder.Cheapest, int chunk = 512, int sequences = 1) =>
        ModelSession.Open(_program, _weights, new SessionOptions { AttentionOrder = order, MaxTokensPerStep = chunk, MaxSequences = sequences, Target = Target });

    /// <summary>Appends tokens to a sequence; all their logits.</summary>
    public static double[] Forward(ModelSession session, int sequence, int[] tokens)
    {
        var logits = new float[tokens.Length * session.Description.VocabularySize];
        session.Forward([new SequenceTokens(sequence, tokens)], logits, LogitRows.All);
        return [.. logits.Select(number => (double)number)];
    }

    public void Dispose() => _weights.Dispose();
}
