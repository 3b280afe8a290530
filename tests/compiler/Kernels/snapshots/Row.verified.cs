// y[t,d] = f(x[t,d])
// Rows of 20; workers share the tokens, lanes run along the row.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void Norm20<V>(ref readonly Step step, in Worker worker, float* x, StoredWeight* weight, float* y)
    where V : struct, ILanes<V>
{
    switch (weight->Format)
    {
        case WeightFormat.F32: Norm20As<V, F32>(in step, in worker, x, weight, y); break;
        case WeightFormat.BF16: Norm20As<V, BF16>(in step, in worker, x, weight, y); break;
        case WeightFormat.F16: Norm20As<V, F16>(in step, in worker, x, weight, y); break;
        case WeightFormat.E4M3: Norm20As<V, E4M3>(in step, in worker, x, weight, y); break;
    }
}

[MethodImpl(MethodImplOptions.AggressiveOptimization)]
private static void Norm20As<V, W>(ref readonly Step step, in Worker worker, float* x, StoredWeight* weight, float* y)
    where V : struct, ILanes<V>
    where W : struct, IWeightFormat
{
    const int Width = 20;
    worker.Share(step.Tokens, out int from, out int to);
    for (int token = from; token < to; token++)
    {
        float* xRow = x + (long)token * 20;
        V sum0 = V.Zero;
        for (int column = 0; column < Width; column += V.Count)
        {
            int lanes = LaneMath.Left<V>(Width, column);
            V xLanes = V.Load(xRow + column, lanes);
            sum0 += V.First(xLanes * xLanes, lanes, V.Zero);
        }
        float mean0 = V.Sum(sum0) / 20f;
        float* yRow = y + (long)token * 20;
        float shared = LaneMath.Rsqrt(mean0 + 1E-06f);
        for (int column = 0; column < Width; column += V.Count)
        {
            int lanes = LaneMath.Left<V>(Width, column);
            V xLanes = V.Load(xRow + column, lanes);
            V weightLanes = MatrixView.Load<V, W>(weight, column, lanes);
            (xLanes * V.All(shared) * weightLanes).Store(yRow + column, lanes);
        }
    }
}
