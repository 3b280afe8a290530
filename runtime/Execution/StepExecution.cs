using System;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Execution;

/// <summary>What a session's steps are computed with; it owns caches and buffers, and the session knows what is in them.</summary>
public abstract unsafe class StepExecution : IDisposable
{
    /// <summary>
    /// Whether it finds the token of the greatest logit by itself, the lowest among equals: what <see cref="Pass.Chosen"/>
    /// asks for. A row with a logit that is not finite gives -1.
    /// </summary>
    public virtual bool Chooses => false;

    /// <summary>
    /// Runs a step that the session has described: <see cref="Pass.Step"/>, the rows wanted, the order and the trace are
    /// set, and <see cref="Pass.Logits"/> is where the host wants them. Returns when they are there.
    /// </summary>
    /// <param name="isPrediction">Whether multi-token prediction runs instead of the main model.</param>
    public abstract void Run(ref Pass pass, bool isPrediction);

    /// <summary>Copies rows of hidden states from one buffer to another.</summary>
    public abstract void CopyHidden(HiddenRows from, int fromRow, HiddenRows to, int toRow, int rows);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>The buffers of hidden states that an execution keeps between steps.</summary>
public enum HiddenRows
{
    /// <summary>[tokens of a step, hidden]: what the main model's last step gave.</summary>
    Main,

    /// <summary>[tokens of a step, hidden]: what multi-token prediction starts from and, where it predicts again, leaves behind.</summary>
    Prediction,

    /// <summary>[sequences, hidden]: from which multi-token prediction goes on by a token.</summary>
    Further,
}

/// <summary>Something other than this machine's processor that a session can run on.</summary>
public interface ISessionTarget
{
    /// <summary>What it is called in messages.</summary>
    string Name { get; }

    /// <summary>How much memory it has.</summary>
    long MemoryBytes { get; }

    /// <summary>Loads the weights, if they are not there yet, and lays out caches and buffers.</summary>
    /// <exception cref="SinterException">It has too little memory.</exception>
    StepExecution Open(ModelProgram program, WeightTable weights, SessionSizes sizes);
}
