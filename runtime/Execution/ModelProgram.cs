namespace Sinter.Runtime.Execution;

/// <summary>
/// A compiled model without its weights: the static list of kernels that generated code derives from this class.
/// It holds no state, so that one program serves any number of loaded checkpoints.
/// </summary>
public abstract class ModelProgram
{
    public abstract ModelDescription Description { get; }

    /// <summary>
    /// Runs the step through the main model: caches are appended to, <see cref="Pass.Hidden"/> and
    /// <see cref="Pass.Logits"/> are written. Every worker of the team calls it and takes its share; it returns when the
    /// whole step is done.
    /// </summary>
    public abstract void Forward(ref readonly Pass pass, in Worker worker);

    /// <summary>
    /// Runs multi-token prediction on <see cref="Pass.Hidden"/> and <see cref="Step.NextIds"/>: the prediction layer's
    /// cache is appended to and <see cref="Pass.Logits"/> are written.
    /// </summary>
    public abstract void Predict(ref readonly Pass pass, in Worker worker);

    /// <summary>Hands a finished buffer to the pass's trace; every worker calls it.</summary>
    protected static unsafe void Show(ref readonly Pass pass, in Worker worker, string name, int layer, float* data, int columns)
    {
        worker.Barrier();
        if (worker.Index == 0) pass.Trace!.Numbers(name, layer, data, pass.Step.Tokens, columns);
        worker.Barrier();
    }

    /// <inheritdoc cref="Show(ref readonly Pass, in Worker, string, int, float*, int)"/>
    protected static unsafe void Show(ref readonly Pass pass, in Worker worker, string name, int layer, int* data, int columns)
    {
        worker.Barrier();
        if (worker.Index == 0) pass.Trace!.Indices(name, layer, data, pass.Step.Tokens, columns);
        worker.Barrier();
    }
}

/// <summary>Sees the numbers inside a pass, by the names of the model's <c>trace</c> statements.</summary>
public unsafe interface ITrace
{
    /// <param name="name">Name in the model, such as <c>hidden</c> or <c>router.topk_weight</c>.</param>
    /// <param name="layer">The layer's number, or -1 outside the layers.</param>
    /// <param name="data">[<paramref name="rows"/>, <paramref name="columns"/>], valid during the call only.</param>
    void Numbers(string name, int layer, float* data, int rows, int columns);

    /// <inheritdoc cref="Numbers"/>
    void Indices(string name, int layer, int* data, int rows, int columns);
}
