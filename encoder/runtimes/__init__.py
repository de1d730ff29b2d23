"""Runtimes: a variant's dual encoder and its text model are run by torch, or on a CPU by OpenVINO.

torch trains, converts and is there for every device. OpenVINO runs a converted model: faster on
CPUs with instructions for bfloat16 or int8, and a query needs neither torch nor transformers.

runtime          what both of them do
machine          what this machine has: OpenVINO, instructions of its CPU, a GPU
source           what can be converted: a variant's dual encoder, its text model
loaded           such a model, loaded by torch
conversion       a loaded model as OpenVINO's graphs; quantisation to int8
converted        a converted model's files beside the variant
openvino_model   a converted model, run
text_encoders    the encoder of a text model, converted or run by torch
trial            cosines and speed of a precision against float32
preparation      converts a variant's models, in the precision that the trial allows
"""
