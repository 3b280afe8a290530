using System;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Devices;

/// <summary>Steps on a device: the program queues its launches, and the only thing waited for is what the step gives back.</summary>
internal sealed unsafe class DeviceExecution : StepExecution
{
    private readonly DeviceLauncher _launcher;
    private readonly DeviceProgram _program;
    private readonly ModelDescription _description;
    private readonly DeviceWeights _weights;
    private readonly DeviceMemory _memory;
    private readonly DevicePass _pass;
    private readonly DeviceChoice _choice;

    public DeviceExecution(DeviceLauncher launcher, GreedyKernels greedy, DeviceProgram program, ModelDescription description, WeightTable weights, SessionSizes sizes, Action<long, long>? loading)
    {
        (_launcher, _program, _description) = (launcher, program, description);
        launcher.Enter();
        _weights = new DeviceWeights(launcher, description, weights, loading);
        try
        {
            _memory = new DeviceMemory(launcher, description, _weights.Views, sizes);
        }
        catch
        {
            _weights.Dispose();
            throw;
        }

        _pass = new DevicePass(_memory);
        _choice = new DeviceChoice(launcher, greedy, description.VocabularySize);
    }

    public override bool Chooses => true;

    public override void Run(ref Pass pass, bool isPrediction)
    {
        _launcher.Enter();
        _memory.Send(in pass);
        Describe(in pass);
        _pass.Hidden = isPrediction ? _memory.PredictHidden : _memory.Hidden;
        bool chooses = pass.Chosen != null && pass.LogitRowCount > 0;
        if (chooses) _choice.Provide(pass.LogitRowCount);
        _pass.Choice = chooses ? _choice : null;
        // A trace looks at buffers between launches.
        if (_pass.Trace is null && _program.IsRepeatable(_pass))
        {
            var key = new StepKey(
                this, isPrediction, _pass.Step.Tokens, _pass.Step.Sequences, _pass.Step.LongestCount, _pass.LogitRowCount, _memory.Logits.Length, chooses ? _choice.Rows : 0);
            _launcher.Queue(in key, _program, _pass);
        }
        else
        {
            _program.Run(_pass, isPrediction);
        }

        if (pass.Chosen == null) _memory.Receive(_memory.Logits, pass.Logits, (long)pass.LogitRowCount * _description.VocabularySize);
        else if (pass.LogitRowCount == 0) _memory.Receive<int>(default, null, 0);
        else _memory.Receive(_choice.Chosen(pass.LogitRowCount), pass.Chosen, pass.LogitRowCount);
    }

    public override void CopyHidden(HiddenRows from, int fromRow, HiddenRows to, int toRow, int rows)
    {
        _launcher.Enter();
        _memory.CopyHidden(from, fromRow, to, toRow, rows);
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _launcher.Enter();
        _launcher.Forget(this);
        _choice.Dispose();
        _memory.Dispose();
        _weights.Dispose();
    }

    private void Describe(ref readonly Pass pass)
    {
        double tokens = 0, positions = 0, pairs = 0;
        int longestCount = 0, longestLength = 0;
        foreach (ref readonly SequenceRange range in new ReadOnlySpan<SequenceRange>(pass.Step.Ranges, pass.Step.Sequences))
        {
            longestCount = Math.Max(longestCount, range.Count);
            longestLength = Math.Max(longestLength, range.Length);
            tokens += range.Count;
            positions += range.Length;
            pairs += (double)range.Count * range.Length;
        }

        _pass.Step.Tokens = pass.Step.Tokens;
        _pass.Step.Sequences = pass.Step.Sequences;
        _pass.Step.LongestCount = longestCount;
        _pass.Step.LongestLength = longestLength;
        _pass.LogitRowCount = pass.LogitRowCount;
        _pass.Order = pass.Order;
        _pass.Trace = pass.Trace;
        _pass.Work = (tokens, positions, pairs);
    }
}
