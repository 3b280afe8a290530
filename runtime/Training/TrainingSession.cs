using System;
using System.Collections.Generic;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training;

/// <summary>
/// A model in training: weights, gradients and moments, and the kernels that move them. The loop around it decides on data,
/// rates and when to stop. One batch is: <see cref="Accumulate"/> (once or more often), <see cref="Step"/>, and then
/// <see cref="RoutingBias.Update"/> of each <see cref="BalancedLayers"/>' bias by the loads of the whole batch.
/// </summary>
/// <remarks>Everything that a step depends on is in <see cref="Tensors"/> and <see cref="Steps"/>: a session with the same of both goes on bit for bit.</remarks>
public abstract class TrainingSession : IDisposable
{
    /// <summary>What the model is; its weight declarations name <see cref="Tensors"/>.</summary>
    public abstract ModelDescription Description { get; }

    public abstract TrainingOptions Options { get; }

    /// <summary>How many tokens after the next one the model learns to foresee: 0 or more.</summary>
    public abstract int Depth { get; }

    /// <summary>Every stored tensor of the published layout, each once; a shared one (embedding or head of prediction) goes by the original's name.</summary>
    public abstract IReadOnlyList<TrainedTensor> Tensors { get; }

    /// <summary>The layers with routed experts, in order; prediction's come last.</summary>
    public abstract IReadOnlyList<BalancedLayer> BalancedLayers { get; }

    /// <summary>Steps made so far; AdamW's correction counts them. Set it when a run is resumed.</summary>
    public long Steps { get; set; }

    /// <summary>Bytes of all that the session holds: weights, gradients, moments, activations, the threads' tiles.</summary>
    public abstract long PeakBytes { get; }

    /// <summary>
    /// Draws new weights: matrices from normal(0, <paramref name="deviation"/>), gains of norms 1, routing biases 0; moments
    /// and <see cref="Steps"/> to zero. Depends on seed and names only.
    /// </summary>
    public void Initialise(ulong seed, double deviation)
    {
        foreach (TrainedTensor tensor in Tensors)
        {
            if (tensor.Shape.Count >= 2) NormalNumbers.Fill(tensor.Weights, seed, tensor.Name, deviation);
            else tensor.Weights.Fill(tensor.IsTrained ? 1 : 0);
            tensor.Gradient.Clear();
            tensor.Mean.Clear();
            tensor.Square.Clear();
        }

        Steps = 0;
    }

    /// <summary>Runs sequences forward and backward and adds their part of the batch to every <see cref="TrainedTensor.Gradient"/>.</summary>
    /// <param name="tokens">
    /// The sequences one after the other, each of T + 1 + <see cref="Depth"/> tokens, T at most
    /// <see cref="TrainingOptions.Length"/>: the model reads T, and the losses want one and <see cref="Depth"/> more.
    /// </param>
    /// <param name="sequences">How many there are: T is the same for all.</param>
    /// <param name="factors">What the losses are worth, and how many sequences the whole batch has.</param>
    /// <param name="documents">
    /// As many as tokens: the number of the document that each belongs to, rising; a token then attends only to its own. Empty: to all
    /// tokens before it, as in the report's packing.
    /// </param>
    /// <exception cref="SinterException">A token is beyond the vocabulary, or the tokens are no whole sequences.</exception>
    public abstract BatchReport Accumulate(ReadOnlySpan<int> tokens, int sequences, ObjectiveFactors factors, ReadOnlySpan<int> documents = default);

    /// <summary>The losses of sequences, and how the experts were chosen; gradients stay as they are.</summary>
    /// <inheritdoc cref="Accumulate"/>
    public abstract BatchReport Evaluate(ReadOnlySpan<int> tokens, int sequences, ReadOnlySpan<int> documents = default);

    /// <summary>
    /// One step of AdamW on every trained tensor with the gradients that were added up, clipped by their norm; then the
    /// gradients are zero and <see cref="Steps"/> has one more. Where several ranks train, all make it together.
    /// </summary>
    /// <param name="rate">The learning rate of this step.</param>
    /// <param name="clip">The norm that the gradients are clipped to; infinity for none.</param>
    /// <returns>The norm over all gradients before clipping. If it is not finite, nothing was changed but the gradients, which are zero.</returns>
    public abstract double Step(AdamWSettings settings, double rate, double clip);

    public abstract void Dispose();
}
