using System.Runtime.InteropServices;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Execution;

/// <summary>Steps on this machine's processor: every thread of a team runs the whole program.</summary>
internal sealed unsafe class TeamExecution : StepExecution
{
    private readonly ModelProgram _program;
    private readonly ModelDescription _description;
    private readonly SessionSizes _sizes;
    private readonly ThreadTeam _team;
    private readonly LatentCache _caches;
    private readonly RotaryTables _rotaries;
    private readonly Arena _memory;
    private readonly TeamWork _forward;
    private readonly TeamWork _predict;
    private readonly byte* _scratch;
    private readonly float* _hidden;
    private readonly float* _predictHidden;
    private readonly float* _furtherHidden;
    private Pass _pass;

    public TeamExecution(ModelProgram program, WeightTable weights, SessionSizes sizes)
    {
        _program = program;
        _description = program.Description;
        _sizes = sizes;
        _forward = (in Worker worker) => _program.Forward(in _pass, in worker);
        _predict = (in Worker worker) => _program.Predict(in _pass, in worker);
        _team = new ThreadTeam(sizes.Threads);
        _caches = new LatentCache(_description, sizes.Sequences, sizes.Capacity);
        _rotaries = new RotaryTables(_description, sizes.Capacity);

        long hiddenBytes = (long)sizes.Tokens * _description.HiddenSize * sizeof(float);
        long scratchBytes = sizes.ScratchBytes(_description) * sizes.Threads;
        long[] parts =
        [
            _description.TokenBytes * sizes.Tokens, _description.PositionBytes * sizes.Keys, _description.FixedBytes,
            scratchBytes, hiddenBytes, hiddenBytes, (long)sizes.Sequences * _description.HiddenSize * sizeof(float),
        ];
        long total = 0;
        foreach (long bytes in parts) total += Arena.Align(bytes);
        _memory = new Arena(total);
        byte* at = _memory.Data;
        byte* Take(int part)
        {
            byte* here = at;
            at += Arena.Align(parts[part]);
            return here;
        }

        _pass.TokenArena = Take(0);
        _pass.PositionArena = Take(1);
        _pass.FixedArena = Take(2);
        _scratch = Take(3);
        _hidden = (float*)Take(4);
        _predictHidden = (float*)Take(5);
        _furtherHidden = (float*)Take(6);
        _pass.MaxTokens = sizes.Tokens;
        _pass.MaxKeys = sizes.Keys;
        _pass.Weights = weights.Weights;
        _pass.Caches = _caches.Views;
        _pass.Rotaries = _rotaries.Pointers;
    }

    public override void Run(ref Pass pass, bool isPrediction)
    {
        _pass.Step = pass.Step;
        _pass.LogitRows = pass.LogitRows;
        _pass.LogitRowCount = pass.LogitRowCount;
        _pass.Logits = pass.Logits;
        _pass.Order = pass.Order;
        _pass.Trace = pass.Trace;
        _pass.Clock = pass.Clock;
        _pass.Hidden = isPrediction ? _predictHidden : _hidden;
        _team.Run(isPrediction ? _predict : _forward, _scratch, _sizes.ScratchBytes(_description));
    }

    public override void CopyHidden(HiddenRows from, int fromRow, HiddenRows to, int toRow, int rows)
    {
        long width = _description.HiddenSize;
        NativeMemory.Copy(Hidden(from) + fromRow * width, Hidden(to) + toRow * width, (nuint)(rows * width * sizeof(float)));
    }

    private float* Hidden(HiddenRows rows) => rows switch
    {
        HiddenRows.Main => _hidden,
        HiddenRows.Prediction => _predictHidden,
        _ => _furtherHidden,
    };

    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _team.Dispose();
        _caches.Dispose();
        _rotaries.Dispose();
        _memory.Dispose();
    }
}
